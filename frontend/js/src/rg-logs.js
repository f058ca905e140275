// <rg-logs data-id data-zone data-label data-live data-lost><pre class="scroll">…</pre></rg-logs>: goes on with what an
// instance says, as it is said. Only makes quicker what works without it: the page is read again every few seconds.
//
// It speaks to `/ws/instances/{id}/logs`, which sends the end of it, then what comes. After a cut it asks for what was said
// since, so that nothing is missing or twice.

import { ended, parse, pause } from './live.js';

/// Lines that are kept in the page.
const MOST = 5_000;
/// Silence after which the line counts as lost; the server speaks every 10 s.
const SILENCE_MS = 25_000;

/// The content of a message, and whether it replaces what was there; nothing for anything else.
export function heard(text) {
  const { type, data } = parse(text);
  const ours = (type === 'snapshot' || type === 'delta') && Array.isArray(data?.lines);
  return ours ? { lines: data.lines, mark: data.mark, anew: type === 'snapshot' } : null;
}

/// A line as the page shows it.
export function shown({ at, text }, zone) {
  if (!at) return ` ${text}`;
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  return `${clock.format(new Date(at))} ${text}`;
}

/// Lines with those that came, the oldest left out.
export const joined = (lines, more) => [...lines, ...more].slice(-MOST);

const Base = globalThis.HTMLElement ?? class {};

export class RgLogs extends Base {
  #socket;
  #lines = [];
  #mark;
  #failures = 0;
  #at = 0;
  #pre;
  #state;
  #watched;

  connectedCallback() {
    this.#pre = this.querySelector('pre');
    this.#state = Object.assign(document.createElement('p'), { className: 'sub' });
    this.#state.setAttribute('role', 'status');
    this.append(this.#state);
    // Reading the page again is for those without this.
    document.querySelectorAll('[data-logs-follow]').forEach((link) => link.remove());
    this.#watched = setInterval(() => this.#socket && Date.now() - this.#at > SILENCE_MS && this.#socket.close(), 5_000);
    this.#connect();
  }

  /// The page was brought up to date, and there is nothing to go on with any more.
  disconnectedCallback() {
    clearInterval(this.#watched);
    this.#socket?.close();
  }

  #connect() {
    const { id } = this.dataset;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const query = this.#mark ? `?after=${this.#mark}` : '';
    const socket = new WebSocket(`${scheme}://${location.host}/ws/instances/${id}/logs${query}`);
    const again = Boolean(this.#mark);
    let over = false;
    this.#socket = socket;
    this.#at = Date.now();
    socket.addEventListener('message', ({ data }) => {
      this.#at = Date.now();
      over ||= ended(data) || data.includes('"topic_ended"');
      const message = heard(data);
      if (!message) return;
      this.#failures = 0;
      this.#say(this.dataset.live);
      this.#mark = message.mark ?? this.#mark;
      this.#show(message.anew && !again ? message.lines : null, message.lines);
    });
    socket.addEventListener('close', () => {
      this.#socket = undefined;
      this.#say(over ? '' : this.dataset.lost);
      if (!over && this.isConnected) setTimeout(() => this.isConnected && this.#connect(), pause(this.#failures++, Math.random()));
    });
  }

  #say(text) {
    if (this.#state.textContent !== text) this.#state.textContent = text;
  }

  #show(whole, more) {
    if (!whole && more.length === 0) return;
    if (whole && whole.length === 0) return;
    const pre = this.#pre ?? this.#build();
    const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    const texts = more.map((line) => shown(line, this.dataset.zone));
    const before = this.#lines.length;
    this.#lines = whole ? texts : joined(this.#lines, texts);
    const appended = !whole && before + texts.length === this.#lines.length;
    if (appended) pre.append(`${before ? '\n' : ''}${texts.join('\n')}`);
    else pre.textContent = this.#lines.join('\n');
    // Who reads further up is left there.
    if (atEnd) pre.scrollTop = pre.scrollHeight;
  }

  #build() {
    this.querySelector('.empty')?.remove();
    this.#pre = Object.assign(document.createElement('pre'), { className: 'scroll', tabIndex: 0 });
    this.#pre.setAttribute('role', 'region');
    this.#pre.setAttribute('aria-label', this.dataset.label);
    this.prepend(this.#pre);
    return this.#pre;
  }
}

globalThis.customElements?.define('rg-logs', RgLogs);
