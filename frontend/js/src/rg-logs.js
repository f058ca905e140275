// <rg-logs data-id data-zone data-label data-live data-lost data-cut><div class="scroll said"><pre>…</pre></div></rg-logs>: goes on
// with what an instance says, as it is said. Only makes quicker what works without it: the page is read again every few seconds.
//
// It speaks to `/ws/instances/{id}/logs`, which sends the end of it, then what comes. After a cut it asks for what was said
// since, so that nothing is missing or twice. The box begins at its end by its style, and stays there while one is there.

import { adopt } from './adopted.js';
import { ended, pause } from './live.js';
import css from './logs.css';
import { clock, heard, painted } from './logs.js';

/// Lines that are kept in the page.
const MOST = 5_000;
/// Silence after which the line counts as lost; the server speaks every 10 s.
const SILENCE_MS = 25_000;
/// Who is so near the end stays at it, pixels.
const NEAR = 40;

// What the page comes with has its colours by these, too, whether it goes on or not.
adopt(document, css);

class RgLogs extends HTMLElement {
  #socket;
  /// How what it says, and what it complains about, left off.
  #looks = {};
  #mark;
  #failures = 0;
  #at = 0;
  #pre;
  /// What there is of lines that have no end yet: what is said of them next takes their place.
  #open = [];
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
      this.#show(message.anew && !again, message);
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

  #show(anew, { lines, unfinished }) {
    if (lines.length + unfinished.length + this.#open.length === 0) return;
    const pre = this.#pre ?? this.#build();
    const box = pre.parentElement;
    // It is counted from the end: who reads further up is left there.
    const isNear = box.scrollTop > -NEAR;
    const before = box.scrollHeight;
    if (anew) {
      this.#looks = {};
      pre.replaceChildren();
    }
    this.#open.forEach((line) => line.remove());
    pre.append(...lines.map((line) => this.#line(line)));
    this.#open = unfinished.map((line) => this.#line(line, true));
    pre.append(...this.#open);
    if (anew) return;
    box.scrollTop = isNear ? 0 : box.scrollTop - (box.scrollHeight - before);
    while (pre.childElementCount > MOST) pre.firstElementChild.remove();
  }

  #line({ at, error, text, cut }, open) {
    const { runs, look } = painted(text, this.#looks[error]);
    // What would have ended its look was perhaps cut. One that has no end yet is painted again.
    if (!open) this.#looks[error] = cut ? undefined : look;
    const line = document.createElement('span');
    line.append(clock(at, this.dataset.zone), ...runs.map(({ text, classes }) => (classes ? part(classes, text) : text)));
    if (cut) line.append(part('sub', ` ${this.dataset.cut}`));
    line.append('\n');
    return line;
  }

  #build() {
    this.querySelector('.empty')?.remove();
    this.#pre = document.createElement('pre');
    const box = Object.assign(document.createElement('div'), { className: 'scroll said', tabIndex: 0 });
    box.setAttribute('role', 'region');
    box.setAttribute('aria-label', this.dataset.label);
    box.append(this.#pre);
    this.prepend(box);
    return this.#pre;
  }
}

const part = (className, textContent) => Object.assign(document.createElement('span'), { className, textContent });

customElements.define('rg-logs', RgLogs);
