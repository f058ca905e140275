// <rg-bell data-none data-one data-many data-latest data-empty data-all data-new><a class="bell" href="/notifications">…</a>
// </rg-bell>: keeps the number at the bell up to date and shows the newest beside it. Only makes quicker what works
// without it: the link leads to the page of all.
//
// What it hears of announcements brings those on top of the page up to date, and what it hears of one's jobs it hands on to
// `<rg-jobs>`: a page has one line.
//
// It also tells when one is signed out: what an open page shows is nobody's to read then, so its dialog covers it.
//
// Not an island, because every page has a bell, and a page without islands loads no wasm. It speaks to the same socket of
// the server, `/ws/live`, with one topic.

import { ended, parse, pause } from './live.js';

const TOPIC = 'notifications';
/// Silence after which the line counts as lost; the server speaks every 10 s.
const SILENCE_MS = 25_000;
/// A page hidden for so long hangs up until it is looked at again.
const HIDDEN_MS = 60_000;
/// For a page that is on its way to another: it may have ended the session itself.
const LEAVING_MS = 1_000;
/// Within which open pages ask what is announced: all at once would be a rush.
const SPREAD_MS = 20_000;

/// What is shown at the bell and said of it, for so many unread.
export function said(unread, texts) {
  const label = unread === 0 ? texts.none : unread === 1 ? texts.one : texts.many.replace('{n}', unread);
  return { label, badge: unread === 0 ? '' : unread > 99 ? '99+' : String(unread) };
}

/// The content of a message of our topic; nothing for anything else.
export function read(text) {
  const message = parse(text);
  const ours = message.topic === TOPIC && message.data?.kind === 'notifications';
  return ours && (message.type === 'snapshot' || message.type === 'delta') ? message.data.value : null;
}

/// A page of ours, or the page of all: an address from elsewhere is not followed.
export function local(link) {
  return typeof link === 'string' && /^\/(?![\/\\])/.test(link) ? link : null;
}

const Base = globalThis.HTMLElement ?? class {};

export class RgBell extends Base {
  #socket;
  #failures = 0;
  #heard = 0;
  #refused = false;
  #retry;
  #hidden;
  #menu;
  #shown;
  /// What the page shows, what was heard last, and that it is being brought up to date.
  #announced;
  #told;
  #due;

  connectedCallback() {
    this.#build();
    this.#connect();
    setInterval(() => this.#socket && Date.now() - this.#heard > SILENCE_MS && this.#socket.close(), 5_000);
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#hidden);
      if (document.hidden) this.#hidden = setTimeout(() => this.#hangUp(), HIDDEN_MS);
      else if (!this.#socket) this.#connect();
    });
  }

  #build() {
    const summary = document.createElement('summary');
    summary.setAttribute('aria-label', this.dataset.latest);
    summary.title = this.dataset.latest;
    summary.className = 'bell-more';
    const list = Object.assign(document.createElement('ul'), { className: 'bell-list' });
    const all = Object.assign(document.createElement('a'), { href: this.querySelector('a').href, textContent: this.dataset.all });
    const body = Object.assign(document.createElement('div'), { className: 'menu-body' });
    body.append(list, all);
    this.#menu = Object.assign(document.createElement('details'), { className: 'menu', hidden: true });
    this.#menu.append(summary, body);
    this.#menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.#menu.open) return;
      this.#menu.open = false;
      summary.focus();
    });
    document.addEventListener('click', (event) => {
      if (!this.#menu.contains(event.target)) this.#menu.open = false;
    });
    this.append(this.#menu);
  }

  #connect() {
    clearTimeout(this.#retry);
    if (this.#socket || this.#refused || document.hidden) return;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live`);
    this.#socket = socket;
    this.#heard = Date.now();
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      socket.send(JSON.stringify({ type: 'subscribe', topic: TOPIC }));
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard = Date.now();
      const value = read(data);
      if (value) {
        this.#failures = 0;
        const { announced, jobs } = parse(data);
        this.#show(value);
        this.#announce(announced);
        if (jobs) document.dispatchEvent(new CustomEvent('rg-jobs', { detail: jobs }));
      } else if (ended(data)) {
        this.#over();
      } else if (data.includes('"refused"')) {
        this.#refuse();
      }
    });
    socket.addEventListener('close', () => socket === this.#socket && this.#lost(opened));
  }

  #hangUp() {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #refuse() {
    this.#refused = true;
    this.#hangUp();
  }

  #over() {
    this.#refuse();
    const dialog = this.querySelector('dialog');
    dialog.addEventListener('close', () => dialog.showModal());
    setTimeout(() => dialog.showModal(), LEAVING_MS);
  }

  async #lost(opened) {
    this.#socket = undefined;
    // A socket that was refused looks like a server that is away: a request tells.
    const answer = opened ? null : await fetch('/api/auth/profile').catch(() => null);
    if (answer?.status === 401) return this.#over();
    this.#retry = setTimeout(() => this.#connect(), pause(this.#failures++, Math.random()));
  }

  /// The page says what it was made with: what changed before the line was open is seen, too. Whatever fails, or may not be
  /// done now, comes round again.
  #announce(announced = this.#told) {
    this.#told = announced;
    const made = document.getElementById('announced')?.dataset.mark;
    this.#announced ??= made === undefined || announced === undefined ? announced : Number(made);
    if (announced === this.#announced || this.#refused) return;
    this.#due ??= setTimeout(() => this.#renew(announced), Math.random() * SPREAD_MS);
  }

  async #renew(announced) {
    const shown = document.getElementById('announced');
    // Not from under the hand of who is about to put one away.
    const free = () => !shown.matches(':focus-within');
    const fetched = free() && (await fetch(location).catch(() => null));
    const text = fetched?.ok ? await fetched.text().catch(() => '') : '';
    const next = new DOMParser().parseFromString(text, 'text/html').getElementById('announced');
    if (next && free()) {
      shown.replaceChildren(...next.childNodes);
      this.#announced = announced;
    }
    this.#due = undefined;
    this.#announce();
  }

  #show(value) {
    // Something else came with it: the list is left as it is, under whoever reads it.
    const now = JSON.stringify(value);
    if (now === this.#shown) return;
    this.#shown = now;
    const { unread, latest } = value;
    const { none, one, many } = this.dataset;
    const { label, badge } = said(unread, { none, one, many });
    const link = this.querySelector('.bell');
    link.setAttribute('aria-label', label);
    link.title = label;
    link.querySelector('.badge')?.remove();
    if (badge) {
      const shown = Object.assign(document.createElement('span'), { className: 'badge', textContent: badge });
      shown.setAttribute('aria-hidden', 'true');
      link.append(shown);
    }
    const items = latest.map(({ message, link, readAt }) => {
      const item = document.createElement('li');
      const entry = Object.assign(document.createElement('a'), { href: local(link) ?? this.querySelector('a').href });
      if (!readAt) {
        entry.append(Object.assign(document.createElement('strong'), { textContent: this.dataset.new }), ' ');
      }
      entry.append(message);
      item.append(entry);
      return item;
    });
    if (items.length === 0) items.push(Object.assign(document.createElement('li'), { textContent: this.dataset.empty }));
    this.#menu.querySelector('ul').replaceChildren(...items);
    this.#menu.hidden = false;
  }
}

globalThis.customElements?.define('rg-bell', RgBell);
