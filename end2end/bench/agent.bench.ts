// What the agent costs the host it measures: 8 simulated GPUs at 1 Hz, linked to a server, against
// prometheus-node-exporter with the collectors it has by default, scraped at 1 Hz.
import { test } from '@playwright/test';
import { debian, freePort, Installation, interleaved, publish, spread, start, until, usage } from './lib.js';

const SECONDS = 20;
const scenario = `
driver_version = "580.95.05"
cuda_version = "13.0"
seed = 4711

[[gpu]]
model = "H100 80G"
count = 8
load = { kind = "sine", mean = 50.0, amplitude = 40.0, period = 20.0 }
`;

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Percent of one core over the next seconds. */
async function share(pid: number): Promise<number> {
  const [before, began] = [usage(pid).cpuSeconds, performance.now()];
  await pause(SECONDS);
  return (100 * (usage(pid).cpuSeconds - before)) / ((performance.now() - began) / 1000);
}

test('agent', async () => {
  const installation = await Installation.start();
  const port = await freePort();
  const exporter = start([debian('prometheus-node-exporter', 'prometheus-node-exporter'), `--web.listen-address=127.0.0.1:${port}`]);
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  let scraping: NodeJS.Timeout | undefined;
  try {
    const agent = installation.startAgent('bench-agent', scenario);
    await until('figures are stored', 60, async () => Number(installation.sql('select count(*) from gpu_samples')[0]) > 80);
    await until('the exporter answers', 20, async () => (await scrape()).includes('node_cpu_seconds_total'));
    scraping = setInterval(() => void scrape(), 1000);
    const measured = await interleaved([
      { name: 'agent, CPU', run: () => share(agent.process.pid!) },
      { name: 'node-exporter, CPU', run: () => share(exporter.process.pid!) },
    ]);
    const resident = (name: string, pid: number) => spread(name, 'MB', [usage(pid).residentBytes / 1e6]);
    const memory = [resident('agent, resident', agent.process.pid!), resident('node-exporter, resident', exporter.process.pid!)];
    publish(
      'agent',
      `The agent with 8 simulated GPUs (through the real NVML calls) at 1 Hz and linked, beside prometheus-node-exporter scraped at 1 Hz; each window ${SECONDS} s. The exporter measures more of the host and no GPU.`,
      [...measured.map((m) => ({ ...m, unit: '% of a core' })), ...memory],
      [
        { what: 'agent, CPU', reached: measured[0].median, sense: '<=', goal: 0.5, unit: '% of a core' },
        { what: 'agent, resident', reached: memory[0].median, sense: '<=', goal: 15, unit: 'MB' },
        { what: 'CPU, agent / node-exporter', reached: measured[0].median / measured[1].median, sense: '<=', goal: 1 },
      ],
    );
  } finally {
    clearInterval(scraping);
    await exporter.stop();
    await installation.stop();
  }
});
