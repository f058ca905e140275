// What workbooks may not do to the server: hostile ones are refused in words and soon, the largest one that is taken
// passes through little memory on its whole way.
import fs from 'node:fs';
import { Installation } from '../fixtures/installation.js';
import { expect, test } from '../fixtures/test.js';
import { compoundFile, parts, Parts, workbook, zip } from '../fixtures/workbook.js';

test.use({ apart: 'import-limits' });

const PREVIEW = '/api/admin/machines/import/preview';

async function stage(installation: Installation, token: string, body: Buffer<ArrayBuffer>): Promise<number> {
  const answer = await fetch(`${installation.url}${PREVIEW}`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body });
  expect(answer.status).toBe(201);
  return (await answer.json()).data.id;
}

async function read(installation: Installation, token: string, id: number, pause: number): Promise<any> {
  for (const begun = Date.now(); Date.now() - begun < 180_000; ) {
    const view = (await installation.rest(token, `/api/admin/machines/import/${id}`)).body.data;
    if (view.state !== 'reading') return view;
    await new Promise((done) => setTimeout(done, pause));
  }
  throw new Error('it was never read');
}

const small = () => parts([['Name', 'Code'], ['a', 'a']]);
const sheet = 'xl/worksheets/sheet1.xml';

function changed(name: string, from: string | RegExp, to: string): Parts {
  const all = small();
  const before = all[name] as string;
  all[name] = before.replace(from, to);
  expect(all[name], name).not.toBe(before);
  return all;
}

/** Bytes that do not shrink, the same every time. */
function noise(length: number): Buffer<ArrayBuffer> {
  let state = 0x9e3779b9;
  return Buffer.from(Array.from({ length }, () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24)));
}

const hostile: [what: string, key: string, file: () => Buffer<ArrayBuffer>][] = [
  ['a zip bomb in a picture', 'bomb', () => zip({ ...small(), 'xl/media/image1.png': new Uint8Array(16 << 20) })],
  ['a zip bomb in the sheet', 'bomb', () => zip(changed(sheet, '</sheetData>', `${' '.repeat(40 << 20)}</sheetData>`))],
  ['a cell in the last row', 'too-many-rows', () => zip(changed(sheet, '</sheetData>', '<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'))],
  ['a cell in the last column', 'too-many-columns', () => zip(changed(sheet, '</sheetData>', '<row r="3"><c r="XFD3"><v>1</v></c></row></sheetData>'))],
  ['more parts than any workbook', 'bomb', () => zip({ ...small(), ...Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x/${i}`, ''])) })],
  ['a picture with another name', 'not-excel', () => Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), noise(50_000)])],
  ['a text document with another name', 'not-excel', () => zip({ '[Content_Types].xml': '<Types>wordprocessingml.document.main+xml</Types>', 'word/document.xml': '<x/>' })],
  ['an encrypted workbook', 'encrypted', () => compoundFile(['EncryptionInfo', 'EncryptedPackage'])],
  ['macros', 'macros', () => zip({ ...small(), 'xl/vbaProject.bin': noise(1000) })],
  ['macros by their type', 'macros', () => zip(changed('[Content_Types].xml', /application\/vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet\.main/, 'application/vnd.ms-excel.sheet.macroEnabled.main'))],
  ['an upload that broke off', 'truncated', () => workbook([['Name'], ['a']]).subarray(0, 700)],
  ['an .xls', 'old-excel', () => compoundFile(['Workbook'])],
  ['an .xlsb', 'binary-excel', () => zip(changed('[Content_Types].xml', /application\/vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet\.main/, 'application/vnd.ms-excel.sheet.binary.macroEnabled.main'))],
  ['a CSV with another name', 'plain-text', () => Buffer.from('名称,编码\na,a\n')],
  ['a web page with another name', 'plain-text', () => Buffer.from('<html><table><tr><td>1</td></tr></table>')],
  ['broken XML', 'damaged', () => zip(changed(sheet, '</sheetData>', '<row r="3"><c r="A3"><v>1</row></sheetData>'))],
];

test('hostile workbooks are refused in words within two seconds, and the server goes on', async ({ installation }) => {
  test.setTimeout(180_000);
  const token = await installation.token(installation.admin);
  const slowest = { what: '', ms: 0 };
  // A first, good one: the server has everything loaded.
  expect((await read(installation, token, await stage(installation, token, zip(small())), 20)).state).toBe('ready');
  for (const [what, key, file] of hostile) {
    const bytes = file();
    const begun = Date.now();
    const view = await read(installation, token, await stage(installation, token, bytes), 20);
    const ms = Date.now() - begun;
    expect(view.state, what).toBe('refused');
    expect(view.refusal.key, what).toBe(`sheet-refused-${key}`);
    expect(view.refusal.message, what).toMatch(/[.。]$/);
    expect(ms, `${what}, milliseconds`).toBeLessThan(2000);
    if (ms > slowest.ms) Object.assign(slowest, { what, ms });
    expect((await fetch(`${installation.url}/readyz`)).status, what).toBe(200);
  }
  // A file of nothing is refused as no file.
  const empty = await fetch(`${installation.url}${PREVIEW}`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: Buffer.alloc(0) });
  expect(empty.status).toBe(400);
  console.log(`${hostile.length} hostile workbooks; the slowest refusal was of ${slowest.what}: ${slowest.ms} ms`);
});

test('an import begins at once', async ({ installation }) => {
  const token = await installation.token(installation.admin);
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    const begun = Date.now();
    const id = await stage(installation, token, zip(small()));
    await read(installation, token, id, 10);
    times.push(Date.now() - begun);
    await installation.rest(token, `/api/admin/machines/import/${id}`, 'DELETE');
  }
  times.sort((a, b) => a - b);
  console.log(`from upload to verdicts: ${times.join(', ')} ms`);
  expect(times[5], 'the middle one, milliseconds: less than a pause between two looks into the queue').toBeLessThan(250);
});

test('a hundred thousand rows of every column pass through little memory', async ({ installation }) => {
  test.setTimeout(420_000);
  const MOST = 64; // MiB more than before
  const token = await installation.token(installation.admin);
  const head = ['名称', '编码', '区域', '内网地址', '公网地址', '出租方式', 'GPU 型号', 'GPU 数量', '单卡显存 (GB)', 'CPU 型号', 'CPU 核数', '内存 (GB)', '系统盘 (GB)', '数据盘 (GB)', '上架', '监控', '备注'];
  const row = (i: number) => [`bulk ${i}`, `bulk-${i}`, i % 2 ? '华北' : '华东', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, `gpu-${i}.example.org`, i % 3 ? '整机' : '共享', 'NVIDIA H100 80GB HBM3', 8, 80, 'AMD EPYC 9654', 192, '2304', 960, 61440, i % 2 ? '是' : '否', '是', `机柜 ${i % 500}，位置 ${i % 42}`];
  const rows = (count: number) => workbook([head, ...Array.from({ length: count }, (_, i) => row(i))]);
  const pid = installation.serverPid();
  const status = (of: number, name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${of}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  /** The most any child of the server held, looked at all the time. */
  let child = 0;
  const watching = setInterval(() => {
    // A thread or a child may end while it is looked at.
    const look = <T>(what: () => T, otherwise: T): T => {
      try {
        return what();
      } catch {
        return otherwise;
      }
    };
    const threads = look(() => fs.readdirSync(`/proc/${pid}/task`), []);
    const children = threads.flatMap((thread) => look(() => fs.readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'), '').split(' ').filter(Boolean));
    for (const of of children) {
      if (look(() => fs.readFileSync(`/proc/${of}/cmdline`, 'utf8'), '').includes('read-sheet')) child = Math.max(child, look(() => status(Number(of), 'VmHWM'), 0));
    }
  }, 20);
  // What it holds after a first import of two full batches, and its files, is what a server that imports holds anyway.
  const warm = await stage(installation, token, rows(1000));
  expect((await read(installation, token, warm, 50)).newRows).toBe(1000);
  const file = async (address: string) => {
    const answer = await fetch(`${installation.url}${address}`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status, address).toBe(200);
    let size = 0;
    for await (const chunk of answer.body!) size += chunk.length;
    return size;
  };
  await file(`/api/admin/machines/import/${warm}/result`);
  await installation.rest(token, `/api/admin/machines/import/${warm}`, 'DELETE');

  const bytes = rows(100_000);
  let base = status(pid, 'VmRSS');
  const told: string[] = [];
  const measure = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    fs.writeFileSync(`/proc/${pid}/clear_refs`, '5'); // forgets the peak
    const begun = Date.now();
    const result = await work();
    const more = status(pid, 'VmHWM') - base;
    told.push(`${what} ${((Date.now() - begun) / 1000).toFixed(1)} s, +${more.toFixed(0)} MiB`);
    expect.soft(more, `${what}: MiB more than before`).toBeLessThan(MOST);
    return result;
  };
  const id = await measure('upload', () => stage(installation, token, bytes));
  const view = await measure('read', () => read(installation, token, id, 200));
  expect(view).toMatchObject({ state: 'ready', rows: 100_000, newRows: 100_000 });
  const begun = Date.now();
  const confirmed = await measure('confirm', () => installation.rest(token, `/api/admin/machines/import/${id}/confirm`, 'POST', {}));
  expect(confirmed.status, JSON.stringify(confirmed.body)).toBe(200);
  expect(Date.now() - begun, 'milliseconds to confirm: far from the 60 s a statement may take').toBeLessThan(40_000);
  // A server of a hundred thousand machines holds their names and states all the time; it reads the fleet every five seconds.
  await new Promise((done) => setTimeout(done, 10_000));
  base = status(pid, 'VmRSS');
  const result = await measure('result', () => file(`/api/admin/machines/import/${id}/result`));
  const exported = await measure('export', () => file('/api/admin/machines/export'));
  expect(Math.min(result, exported)).toBeGreaterThan(1_000_000);
  // All of it again, and one machine changed by hand: every row is judged again within the request.
  const again = await stage(installation, token, bytes);
  expect((await read(installation, token, again, 200)).unchangedRows).toBe(100_000);
  const machine = (await installation.rest(token, '/api/admin/machines/bulk-7')).body.data;
  const body = { name: machine.name, region: '西南', pool: machine.pool, monitored: true, listed: machine.listed, declared: machine.declared, revision: machine.revision };
  expect((await installation.rest(token, '/api/admin/machines/bulk-7', 'PUT', body)).status).toBe(200);
  base = status(pid, 'VmRSS');
  const refused = await measure('judge again', () => installation.rest(token, `/api/admin/machines/import/${again}/confirm`, 'POST', {}));
  expect([refused.status, refused.body.code]).toEqual([409, 1400]);
  const differences = (await installation.rest(token, `/api/admin/machines/import/${again}/rows?changed=true`)).body.data;
  expect(differences.list.map((one: any) => [one.cells.id, one.was, one.verdict])).toEqual([['bulk-7', 'unchanged', 'update']]);
  clearInterval(watching);
  console.log(`workbook ${(bytes.length / 1e6).toFixed(1)} MB, result ${(result / 1e6).toFixed(1)} MB; ${told.join('; ')}; child at most ${child.toFixed(0)} MiB`);
  expect(child, 'MiB of the child').toBeGreaterThan(1);
  expect(child, 'MiB of the child').toBeLessThan(128);
});
