// Machines and people from Excel: template, verdicts, confirmation, result, export; and what is no workbook.
import fs from 'node:fs';
import { expect, expectAccessible, expectNoSideScroll, look, sayYes, test } from '../fixtures/test.js';
import { rowsOf, workbook } from '../fixtures/workbook.js';

const upload = async (page: any, name: string, bytes: Buffer, list = 'machines') => {
  await page.goto(`/admin/${list}/import`);
  await page.getByLabel('Workbook (.xlsx)').setInputFiles({ name, mimeType: 'application/octet-stream', buffer: bytes });
  await page.getByRole('button', { name: 'Read it' }).click();
  await expect(page).toHaveURL(new RegExp(`/admin/${list}/imports/\\d+`));
};

test('fifty rows with three bad ones are looked at, confirmed, and come back with their results', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/machines/import');
  await expectAccessible(page);
  const [template] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the template' }).click()]);
  const headings = rowsOf(fs.readFileSync((await template.path())!))[0];
  expect(headings.slice(0, 3)).toEqual(['Name *', 'Code', 'Region']);

  // As a person makes it: a title above, Chinese headings, numbers as numbers and as texts.
  const rows: (string | number)[][] = [['2026 年 GPU 服务器'], [], ['机器名称', '编号', '机房', '内网IP', '显卡型号', '卡数', '备注']];
  for (let i = 1; i <= 50; i++) rows.push([`import-${i}`, `imp-${i}`, 'east', `10.9.0.${i}`, 'H100 80G', i % 2 ? 8 : '8 张', '=1+1']);
  rows[12][5] = 'many';
  rows[22][3] = '10.9.0.999';
  rows[32][0] = 'import-1';
  await upload(page, 'fleet.xlsx', workbook(rows));
  await expect(page.locator('.head')).toContainText('Ready', { timeout: 20_000 });
  await expect(page.getByRole('link', { name: 'New 47' })).toBeVisible();
  // What a new one would be, as it was understood.
  await expect(page.getByRole('row', { name: /import-2\b/ })).toContainText('GPU count 8');
  await page.getByRole('link', { name: 'Error 3' }).click();
  await expect(page.locator('tbody tr')).toHaveCount(3);
  await expect(page.getByRole('row', { name: /import-10\b/ })).toContainText('GPU count “many” Enter a whole number.');
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  const token = await installation.token(installation.admin);
  expect((await installation.rest(token, '/api/admin/machines?q=import-')).body.data.total, 'nothing yet').toBe(0);

  await page.getByRole('button', { name: 'Import 47 machines' }).click();
  await expect(page.locator('.head')).toContainText('Imported');
  expect((await installation.rest(token, '/api/admin/machines?q=import-')).body.data.total).toBe(47);
  const [result] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the result' }).click()]);
  const told = rowsOf(fs.readFileSync((await result.path())!));
  expect(told).toHaveLength(51);
  expect(told.filter((row) => /Added as imp-/.test(row.at(-1)!))).toHaveLength(47);
  // Every row under the number it had in the sheet that was sent.
  const mistaken = told.find((row) => row[1] === 'import-10')!;
  expect(mistaken.at(-1)).toContain('Enter a whole number');
  expect(rows[Number(mistaken[0]) - 1][0]).toBe('import-10');

  // It can be taken back as a whole; asked first, and not done here.
  await page.getByRole('button', { name: 'Take back' }).click();
  await expect(page.getByRole('dialog', { name: 'Take back' })).toContainText('are deleted');
  await page.keyboard.press('Escape');
  await expectAccessible(page);

  // The export has the filters, and a text that looks like a formula is a text.
  await page.goto('/admin/machines?q=import-2');
  const [exported] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
  const machines = rowsOf(fs.readFileSync((await exported.path())!));
  expect(machines.slice(1).every((row) => row[0].startsWith('import-2'))).toBe(true);
  expect(machines[1]).toContain('=1+1');

  // The same sheet again: nothing to do.
  await upload(page, 'again.xlsx', fs.readFileSync((await exported.path())!));
  await expect(page.locator('.head')).toContainText('Nothing to import', { timeout: 20_000 });
  await expect(page.getByRole('link', { name: `Unchanged ${machines.length - 1}` })).toBeVisible();
  await sayYes(page.getByRole('button', { name: 'Discard' }));
  await expect(page.locator('.head')).toContainText('Discarded');
});

test('people are looked at, confirmed, can sign in, and come back with their results', async ({ page, browser, installation, signIn }) => {
  const password = 'three unusual words: quokka';
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/users');
  const [template] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Template' }).click()]);
  expect(rowsOf(fs.readFileSync((await template.path())!))[0]).toEqual(['User name *', 'Name', 'E-mail', 'Roles', 'Customers', 'Initial password']);
  await page.getByRole('link', { name: 'Import from Excel' }).click();
  await expect(page).toHaveURL(/\/admin\/users\/import$/);
  await expectAccessible(page);

  const rows = [
    ['学号', '姓名', '邮箱', '角色', '客户', '初始密码'],
    ['s2026001', 'Ada', 'ada@import.example', '运维人员', '', password],
    ['s2026002', 'Bea', 'bea@import.example', '', 'Nobody Ltd', password],
    ['s2026003', 'Carl', '', '', '', 'tiny'],
    ['s2026001', 'Ada again', '', '', '', password],
  ];
  await upload(page, 'people.xlsx', workbook(rows), 'users');
  await expect(page.locator('.head')).toContainText('Ready', { timeout: 20_000 });
  await expect(page.getByRole('link', { name: 'New 1' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Error 3' })).toBeVisible();
  await expect(page.getByRole('row', { name: /s2026002/ })).toContainText('There is no customer “Nobody Ltd”.');
  await expect(page.locator('main')).not.toContainText('quokka');
  await expect(page.locator('main')).not.toContainText('tiny');
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: 'Import 1 person' }).click();
  await expect(page.locator('.head')).toContainText('Imported');
  const [result] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the result' }).click()]);
  const told = rowsOf(fs.readFileSync((await result.path())!));
  expect(told).toHaveLength(5);
  expect(told[1].at(-1)).toBe('Added with the user name s2026001');
  expect(told.flat().join(' ')).not.toContain('quokka');

  // The person is there, with the role, and signs in with what was typed.
  await page.goto('/admin/users?q=s2026001');
  await expect(page.locator('tbody tr')).toContainText('Operator');
  const theirs = await browser.newContext({ baseURL: installation.url });
  const ada = await theirs.newPage();
  await signIn(ada, { name: 's2026001', password });
  await ada.goto('/');
  await expect(ada).toHaveURL(/\/admin/);
  await theirs.close();

  // The export is a workbook that changes nothing.
  const [exported] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
  await upload(page, 'again.xlsx', fs.readFileSync((await exported.path())!), 'users');
  await expect(page.locator('.head')).toContainText('Nothing to import', { timeout: 20_000 });
  await expect(page.getByRole('link', { name: 'Unchanged 1' })).toBeVisible();
});

test('what is no workbook says so, quickly, and the server goes on', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'zh', 'dark');
  const begun = Date.now();
  await page.goto('/admin/machines/import');
  await page.locator('#import-file').setInputFiles({ name: 'machines.xlsx', mimeType: 'text/csv', buffer: Buffer.from('name,code\na,b\n') });
  await page.getByRole('button', { name: '上传并检查' }).click();
  await expect(page.getByRole('alert')).toContainText('CSV', { timeout: 10_000 });
  expect(Date.now() - begun).toBeLessThan(10_000);
  await expectAccessible(page);
  expect((await fetch(`${installation.url}/readyz`)).status).toBe(200);
});
