// <rg-loads></rg-loads> in a card with cells `data-load="host-001"`: keeps what they say of how busy each machine is up
// to date. Only makes quicker what works without it: the page says how it was when it was made.
//
// With it comes <rg-left>: see there.
//
// It speaks to `/ws/live` with a topic for each machine, as many on a socket as the server takes.

import './rg-left.js';
import { ended, parse, pause } from './live.js';

/// Most topics on one socket.
const TOPICS = 16;
/// Silence after which the line counts as lost; the server speaks every 10 s.
const SILENCE_MS = 25_000;
/// A page hidden for so long hangs up until it is looked at again.
const HIDDEN_MS = 60_000;
const NOT_MEASURED = '—';

const known = (values) => values.filter((value) => typeof value === 'number');
const sum = (values) => (values.length ? values.reduce((a, b) => a + b) : null);
const percent = (value) => (value === null || Number.isNaN(value) ? NOT_MEASURED : `${Math.round(value)} %`);

/// How busy a machine is, as the server writes it: its GPUs together, or the host where it has none.
export function said({ presence, monitored, gpus, host }) {
  if (!monitored || presence !== 'online') return NOT_MEASURED;
  const here = gpus.filter(({ lost }) => !lost);
  const utils = gpus.length ? known(here.map(({ utilPercent }) => utilPercent)) : known([host.cpuPercent]);
  const of = (name) => (gpus.length ? sum(known(here.map((gpu) => gpu[name]))) : (host[name] ?? null));
  const [used, total] = [of('memoryUsedBytes'), of('memoryTotalBytes')];
  const util = utils.length ? sum(utils) / utils.length : null;
  return `${percent(util)} · ${percent(used === null || !total ? null : (used * 100) / total)}`;
}

/// The machine that a message is about, and what is to be said of it now; nothing for anything else.
export function read(text) {
  const { type, topic, data } = parse(text);
  const code = typeof topic === 'string' && topic.startsWith('machine/') ? topic.slice('machine/'.length) : null;
  if (code === null) return null;
  if (type === 'refused') return { code, says: NOT_MEASURED };
  const ours = (type === 'snapshot' || type === 'delta') && data?.kind === 'machine';
  return ours ? { code, says: said(data.value) } : null;
}

/// In parts that fit on a socket.
export function parts(codes, most = TOPICS) {
  return codes.length <= most ? [codes] : [codes.slice(0, most), ...parts(codes.slice(most), most)];
}

class Line {
  #socket;
  #failures = 0;
  #heard = 0;
  #over = false;
  #retry;

  constructor(codes, show) {
    Object.assign(this, { codes, show });
  }

  connect() {
    clearTimeout(this.#retry);
    if (this.#socket || this.#over || document.hidden) return;
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/live`);
    this.#socket = socket;
    this.#heard = Date.now();
    socket.addEventListener('open', () => {
      for (const code of this.codes) socket.send(JSON.stringify({ type: 'subscribe', topic: `machine/${code}` }));
    });
    socket.addEventListener('message', ({ data }) => {
      this.#heard = Date.now();
      const heard = read(data);
      if (heard) {
        this.#failures = 0;
        this.show(heard);
      }
      // The bell says so to who looks on.
      this.#over ||= ended(data);
    });
    socket.addEventListener('close', () => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      this.#retry = setTimeout(() => this.connect(), pause(this.#failures++, Math.random()));
    });
  }

  /// For good: the page shows other machines now.
  end() {
    this.#over = true;
    clearTimeout(this.#retry);
    this.hangUp();
  }

  hangUp() {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  check() {
    if (this.#socket && Date.now() - this.#heard > SILENCE_MS) this.#socket.close();
  }
}

const Base = globalThis.HTMLElement ?? class {};

export class RgLoads extends Base {
  #lines = [];
  #silence;
  #hidden;
  #seen = () => {
    clearTimeout(this.#hidden);
    if (document.hidden) this.#hidden = setTimeout(() => this.#lines.forEach((line) => line.hangUp()), HIDDEN_MS);
    else this.#lines.forEach((line) => line.connect());
  };

  connectedCallback() {
    const cells = new Map([...this.parentElement.querySelectorAll('[data-load]')].map((cell) => [cell.dataset.load, cell]));
    if (!cells.size) return;
    const show = ({ code, says }) => {
      const cell = cells.get(code);
      if (cell && cell.textContent !== says) cell.textContent = says;
    };
    this.#lines = parts([...cells.keys()]).map((codes) => new Line(codes, show));
    for (const line of this.#lines) line.connect();
    this.#silence = setInterval(() => this.#lines.forEach((line) => line.check()), 5_000);
    document.addEventListener('visibilitychange', this.#seen);
  }

  /// The card may be taken anew while the page stays.
  disconnectedCallback() {
    clearInterval(this.#silence);
    clearTimeout(this.#hidden);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#lines.forEach((line) => line.end());
  }
}

globalThis.customElements?.define('rg-loads', RgLoads);
