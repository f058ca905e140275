// A million cells as a workbook: the product's export of machines, against Python that writes the same rows with XlsxWriter.
import { test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { figure, Installation, interleaved, MEASURED, publish, PYTHON, python, pythonProgram, spread, superuser, watchMemory } from './lib.js';

const [CELLS, COLUMNS] = [1_000_000, 17];
const ROWS = Math.ceil(CELLS / COLUMNS);

/** Machines with every column filled. */
const fill = `
insert into machines (code, name, region, public_address, private_address, pool, listed, remark, declared)
select 'gpu-' || lpad(i::text, 6, '0'), 'Rack ' || i / 40 || ' machine ' || i, 'region-' || i % 7,
       concat_ws('.', 100, i >> 16 & 255, i >> 8 & 255, i & 255), concat_ws('.', 10, i >> 16 & 255, i >> 8 & 255, i & 255),
       case when i % 5 = 0 then 'shared' else 'whole' end, i % 3 > 0, 'Bought in ' || 2020 + i % 6 || ', shelf ' || i % 90,
       jsonb_build_object('gpuModel', 'H100 80G', 'gpuCount', 8, 'gpuMemoryGb', 80, 'cpuModel', 'EPYC 9654', 'cpuCores', 96,
                          'memoryGb', 1024, 'systemDiskGb', 480, 'dataDiskGb', 7680)
from generate_series(1, ${ROWS}) i`;

/** What the product writes, as one query. */
const rows = `
select name as "Name", code as "Code", region as "Region", private_address as "Private address", public_address as "Public address",
       pool as "Let as", declared->>'gpuModel' as "GPU model", declared->>'gpuCount' as "GPU count",
       declared->>'gpuMemoryGb' as "Memory per GPU (GB)", declared->>'cpuModel' as "CPU model", declared->>'cpuCores' as "CPU cores",
       declared->>'memoryGb' as "Memory (GB)", declared->>'systemDiskGb' as "System disk (GB)",
       declared->>'dataDiskGb' as "Data disk (GB)", case when listed then 'yes' else 'no' end as "Listed",
       case when monitored then 'yes' else 'no' end as "Monitored", remark as "Remark"
from machines where deleted_at is null order by code`;

/** Cells of a workbook's first sheet that hold something. */
function cells(bytes: Uint8Array): number {
  const sheet = unzipSync(bytes, { filter: (part) => part.name === 'xl/worksheets/sheet1.xml' });
  return strFromU8(sheet['xl/worksheets/sheet1.xml']).split(/<c [^>]*[^/]>/).length - 1;
}

test('export', async () => {
  const program = python();
  const installation = await Installation.start(MEASURED);
  try {
    installation.sql(fill);
    installation.sql('vacuum analyze machines');
    const token = await installation.token(installation.admin);
    const sizes: Record<string, number> = {};
    const whole = (name: string, bytes: Uint8Array) => {
      if (sizes[name]) return;
      const found = cells(bytes);
      // And the headings.
      if (found !== (ROWS + 1) * COLUMNS) throw new Error(`${name} wrote ${found} cells`);
      sizes[name] = bytes.length / 1e6;
    };
    const rises: number[] = [];
    const memory = watchMemory(installation.serverPid(), 'read-sheet');
    const product = async () => {
      memory.take();
      const began = performance.now();
      const answer = await fetch(`${installation.url}/api/admin/machines/export`, { headers: { authorization: `Bearer ${token}` } });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const seconds = (performance.now() - began) / 1000;
      whole('product', bytes);
      rises.push(memory.take().rise / 1e6);
      return (ROWS * COLUMNS) / seconds;
    };
    const peer = async () => {
      const out = path.join(installation.dir, 'peer.xlsx');
      const words = [...MEASURED, program, pythonProgram('export_peer.py'), out];
      const began = performance.now();
      const child = spawn(words[0], words.slice(1), { env: { ...process.env, ...superuser(installation) }, stdio: ['pipe', 'ignore', 'inherit'] });
      child.stdin.end(rows);
      const [code] = await once(child, 'exit');
      const seconds = (performance.now() - began) / 1000;
      if (code !== 0) throw new Error(`export_peer.py ended with ${code}`);
      whole('peer', fs.readFileSync(out));
      return (ROWS * COLUMNS) / seconds;
    };
    const name = `XlsxWriter ${PYTHON.XlsxWriter}, constant_memory`;
    const measured = await interleaved([
      { name: 'product', run: product },
      { name, run: peer },
    ]);
    memory.stop();
    const rise = spread('product, rise of the server', 'MB', rises);
    const size = (name: string, value: number) => spread(name, 'MB', [value]);
    publish(
      'export',
      `The product's export of ${figure(ROWS)} machines with ${COLUMNS} columns, all filled, from the request until the last byte of the workbook has come over HTTP: permissions, pages of a thousand rows from PostgreSQL, words of the reader's language, formats, drop-downs. The peer: a script that takes the same rows with one COPY from the same cluster and writes them to a file with XlsxWriter in its mode of constant memory, with the same formats of the cells. The server and PostgreSQL share one core, as the script and PostgreSQL do. Memory is the most resident bytes above the server's before the first export, looked at every 10 ms.`,
      [...measured.map((m) => ({ ...m, unit: 'cells/s' })), rise, size('product, workbook', sizes.product), size('XlsxWriter, workbook', sizes.peer)],
      [
        { what: 'product / XlsxWriter', reached: measured[0].median / measured[1].median, sense: '>=', goal: 4 },
        { what: 'product, rise of memory', reached: rise.most, sense: '<=', goal: 64, unit: 'MB' },
      ],
    );
  } finally {
    await installation.stop();
  }
});
