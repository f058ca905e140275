// A workbook of machines from its upload to the stored preview with a verdict for every row, against Python that reads it with
// openpyxl and stores the rows by COPY without judging them.
import { test } from '@playwright/test';
import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { cache, figure, Installation, interleaved, MEASURED, Memory, publish, PYTHON, python, pythonProgram, spread, superuser, until, watchMemory } from './lib.js';

const execute = promisify(execFile);
const [ROWS, WRONG] = [100_000, 1000];

test('import', async () => {
  const program = python();
  const file = path.join(cache, `machines-${ROWS}.xlsx`);
  if (!fs.existsSync(file)) {
    execFileSync(program, [pythonProgram('workbook.py'), `${file}.new`, `${ROWS}`], { stdio: 'inherit' });
    fs.renameSync(`${file}.new`, file);
  }
  const workbook = fs.readFileSync(file);
  const installation = await Installation.start(MEASURED);
  try {
    const token = await installation.token(installation.admin);
    const address = '/api/admin/machines/import';
    installation.sql('create table copied (like import_rows including all)');
    // Every run begins with empty tables and a fresh checkpoint.
    const clear = (tables: string) => {
      installation.sql(`truncate ${tables}`);
      installation.sql('checkpoint');
    };
    const peaks: Memory[] = [];
    const memory = watchMemory(installation.serverPid(), 'read-sheet');
    const product = async () => {
      clear('imports, import_rows');
      memory.take();
      const began = performance.now();
      const answer = await fetch(`${installation.url}${address}/preview`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: workbook });
      const { id } = (await answer.json()).data;
      const view = await until('the workbook is read', 300, async () => {
        const { data } = (await installation.rest(token, `${address}/${id}`)).body;
        return data.state !== 'reading' && data;
      });
      const seconds = (performance.now() - began) / 1000;
      if (view.state !== 'ready' || view.newRows !== ROWS - WRONG || view.errorRows !== WRONG) throw new Error(JSON.stringify(view));
      peaks.push(memory.take());
      return ROWS / seconds;
    };
    const copy = async () => {
      clear('copied');
      const words = [...MEASURED, program, pythonProgram('import_peer.py'), file, 'copied'];
      const began = performance.now();
      await execute(words[0], words.slice(1), { env: { ...process.env, ...superuser(installation) } });
      const seconds = (performance.now() - began) / 1000;
      const stored = Number(installation.sql('select count(*) from copied')[0]);
      if (stored !== ROWS) throw new Error(`${stored} rows were stored`);
      return ROWS / seconds;
    };
    const measured = await interleaved([
      { name: 'product', run: product },
      { name: `openpyxl ${PYTHON.openpyxl} + COPY`, run: copy },
    ]);
    memory.stop();
    const most = (name: string, pick: (memory: Memory) => number) => spread(name, 'MB', peaks.map((peak) => pick(peak) / 1e6));
    const together = most('product, server and child at one moment', (peak) => peak.together);
    publish(
      'import',
      `A workbook of ${figure(ROWS)} machines with 17 columns, all filled (${figure(workbook.length / 1e6)} MB, texts in a shared table as Excel writes them), one row of a hundred wrong. The product: from the beginning of the upload over HTTP until the preview is ready, with the file stored, the row's cells, the machine it would make and its verdict stored for every row, the database's answers for all of them asked, and the waiting for the job queue. The peer: a script that reads the same file from the disk with openpyxl in read-only mode and stores the cells of each row as JSON by one COPY into a table of the same shape in the same cluster; it judges nothing. The server, its child that parses and PostgreSQL share one core, as the script and PostgreSQL do. Memory is the most resident bytes above the server's before the first import, looked at every 10 ms.`,
      [
        ...measured.map((m) => ({ ...m, unit: 'rows/s' })),
        most('product, rise of the server', (peak) => peak.rise),
        most('product, the child that parses', (peak) => peak.children),
        together,
      ],
      [
        { what: 'product / openpyxl + COPY', reached: measured[0].median / measured[1].median, sense: '>=', goal: 6 },
        { what: 'product, rise of memory with the child', reached: together.most, sense: '<=', goal: 64, unit: 'MB' },
      ],
    );
  } finally {
    await installation.stop();
  }
});
