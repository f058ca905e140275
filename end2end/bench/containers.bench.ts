// How long until a container runs: asked of the product, against the same container asked of the engine's raw API.
import { test } from '@playwright/test';
import * as http from 'node:http';
import { Engine } from '../fixtures/engine.js';
import { runningInstance } from '../fixtures/running.js';
import { Installation, interleaved, MEASURED, publish, spread, until } from './lib.js';

/** Containers of one repeat; the median counts. */
const EACH = Number(process.env.BENCH_TRIAL ?? 0) ? 3 : 9;

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The engine's own API, without any client of it. */
function raw(socketPath: string, method: string, address: string, body?: unknown): Promise<any> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path: `/v1.41${address}`, headers: { 'content-type': 'application/json' } }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += chunk));
      answer.on('end', () => {
        if (answer.statusCode! >= 300) reject(new Error(`${method} ${address}: ${answer.statusCode} ${text}`));
        else resolve(text ? JSON.parse(text) : undefined);
      });
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** When the engine said of each container that it was started, and that it was gone; by name. */
function follow(socketPath: string): { started: Map<string, number>; gone: Set<string>; stop: () => void } {
  const [started, gone] = [new Map<string, number>(), new Set<string>()];
  const filters = encodeURIComponent(JSON.stringify({ type: ['container'], event: ['start', 'destroy'] }));
  let rest = '';
  const request = http.request({ socketPath, path: `/v1.41/events?filters=${filters}` }, (answer) => {
    answer.on('data', (chunk) => {
      const now = performance.now();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines.filter(Boolean)) {
        const { Action, Actor } = JSON.parse(line);
        if (Action === 'start') started.set(Actor.Attributes.name, now);
        else gone.add(Actor.Attributes.name);
      }
    });
    answer.on('error', () => undefined);
  });
  request.on('error', () => undefined);
  request.end();
  return { started, gone, stop: () => request.destroy() };
}

test('containers', async () => {
  const installation = await Installation.start(MEASURED);
  const engine = await Engine.start();
  const socket = engine.host.replace('unix://', '');
  const events = follow(socket);
  try {
    // The first one stays, so that the network of its customer is there for all of them.
    const { theirs, own, ask } = await runningInstance(installation, engine, 'first');
    const read = async () => (await installation.rest(theirs, `/api/customer${own}`)).body.data;
    await until('the first one runs', 60, async () => (await read()).state === 'running');
    const first = await read();
    const name = [...events.started.keys()].find((started) => started.endsWith(`-${first.id}`))!;
    const like = await raw(socket, 'GET', `/containers/${name}/json`);
    const happened = async (what: string, name: string) => {
      const map = what === 'start' ? events.started : events.gone;
      while (!map.has(name)) await new Promise((resolve) => setTimeout(resolve, 1));
    };

    let number = 0;
    const product = async () => {
      number += 1;
      const body = { name: `one-${number}`, image: first.image, spec: first.spec.id, machine: 'first-room', command: ['sleep', '600'] };
      const begun = performance.now();
      const { id } = await ask('/api/customer/instances', 'POST', body, theirs);
      const made = name.replace(/-\d+$/, `-${id}`);
      await happened('start', made);
      const took = events.started.get(made)! - begun;
      await ask(`/api/customer/instances/${id}`, 'DELETE', undefined, theirs);
      await happened('destroy', made);
      return took;
    };
    const bare = async () => {
      number += 1;
      const [made, volume] = [`raw-${number}`, `raw-${number}-data`];
      const mounts = like.HostConfig.Mounts.map((mount: { Source: string }) => ({ ...mount, Source: volume }));
      // Without the labels, by which the product would take it for its own.
      const body = { ...like.Config, Hostname: made, Labels: {}, HostConfig: { ...like.HostConfig, Mounts: mounts } };
      const begun = performance.now();
      await raw(socket, 'POST', '/volumes/create', { Name: volume });
      const { Id } = await raw(socket, 'POST', `/containers/create?name=${made}`, body);
      await raw(socket, 'POST', `/containers/${Id}/start`);
      await happened('start', made);
      const took = events.started.get(made)! - begun;
      await raw(socket, 'DELETE', `/containers/${Id}?force=true`);
      await happened('destroy', made);
      await raw(socket, 'DELETE', `/volumes/${volume}`);
      return took;
    };
    const several = async (one: () => Promise<number>) => {
      const times: number[] = [];
      for (let i = 0; i < EACH; i++) times.push(await one());
      return median(times);
    };
    await product();
    await bare();
    const [ours, theirOwn] = await interleaved([
      { name: 'product, from the request until it runs', run: () => several(product) },
      { name: 'raw API: volume, container, start', run: () => several(bare) },
    ]);
    publish(
      'containers',
      `From the first byte of the request until the engine tells that the container was started, busybox with one core, 1 GB, a data disk and the customer's network, the median of ${EACH} in a row. The product: \`POST /api/customer/instances\` with everything that is behind it (session, image, spec, limits, budget, placement under its lock, rows with audit and history, the job, and what it asks the engine to know its own again). The raw API: the same volume, container and start by three requests over the socket, with the very configuration that the product's container has. The network is there for both. The server is on one core; the engine has all.`,
      [ours, theirOwn].map((m) => ({ ...m, unit: 'ms' })).concat([spread('difference', 'ms', [ours.median - theirOwn.median])]),
      [{ what: 'product / raw API', reached: ours.median / theirOwn.median, sense: '<=', goal: 1.1 }],
    );
  } finally {
    events.stop();
    await installation.stop();
    await engine.end();
  }
});
