// <rg-terminal data-ticket="/api/…/terminal/ticket" data-socket="/ws/…/terminal" data-connecting data-lost …>: a shell of an
// instance. Asks for a ticket, opens a socket with it, and after a cut does so again: the shell lived on, and shows what was
// on its screen. The conversation is described in `contract::instances`. With `data-share`, who has the shell makes links by
// which others look on; with `data-watch`, this is one of them: nothing is typed, and `data-given` is what stood in the link.
//
// A script of its own, because only the page of a terminal loads it.

import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { Terminal } from '@xterm/xterm';
import css from '@xterm/xterm/css/xterm.css';
import { adopt } from './adopted.js';
import { ending, pause, pieces, Shown, welcome } from './terminal.js';

const KEPT = 'rg-terminal:';
/// The server says something every 10 s.
const SILENCE_MS = 25_000;
const MAX_SIDE = 1000;

/// A terminal in this place, as the page looks; `rg-player.js` has one made, too, so that this code is loaded once.
function makeScreen(screen, options) {
  adopt(document, css);
  const term = new Terminal({
    allowProposedApi: true,
    screenReaderMode: true,
    minimumContrastRatio: 4.5,
    scrollback: 5000,
    fontFamily: getComputedStyle(screen).getPropertyValue('--mono').trim() || 'monospace',
    fontSize: 13,
    theme: themeOf(screen),
    ...options,
  });
  term.loadAddon(new Unicode11Addon());
  term.unicode.activeVersion = '11';
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    term.options.theme = themeOf(screen);
  });
  return term;
}

/// The page's colours, as the browser says them.
function themeOf(screen) {
  const { color, backgroundColor, caretColor } = getComputedStyle(screen);
  const selected = { selectionBackground: caretColor, selectionInactiveBackground: caretColor };
  return { foreground: color, background: backgroundColor, cursor: color, ...selected };
}

class RgTerminal extends HTMLElement {
  static screen = makeScreen;

  #failures = 0;
  #replaying = false;
  #over = false;
  /// Why the server closed last.
  #bye = '';

  connectedCallback() {
    if (this.term) return;
    this.replaceChildren();
    this.#build();
    this.#open();
  }

  disconnectedCallback() {
    this.#over = true;
    clearTimeout(this.later);
    clearTimeout(this.silence);
    this.socket?.close();
    this.observer?.disconnect();
    this.term?.dispose();
  }

  #button(label, act) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn small';
    button.textContent = label;
    button.addEventListener('click', act);
    return button;
  }

  #build() {
    const words = this.dataset;
    this.status = document.createElement('p');
    this.status.setAttribute('role', 'status');
    this.status.className = 'terminal-status';
    this.others = document.createElement('span');
    this.others.className = 'sub';
    this.recorded = document.createElement('strong');
    this.recorded.setAttribute('role', 'status');
    this.copy = this.#button(words.copy, () => this.#copySelection());
    this.again = this.#button(words.new, () => this.#renew());
    this.again.hidden = true;
    this.close = this.#button(words.close, () => this.#tell({ type: 'close' }));
    this.close.hidden = true;
    this.watched = document.createElement('span');
    this.watched.setAttribute('role', 'status');
    this.sharing = this.#button(words.shareLabel, () => this.#share());
    this.unsharing = this.#button(words.unshare, () => this.#unshare());
    this.sharing.hidden = true;
    this.unsharing.hidden = true;
    const searching = this.#button(words.search, () => this.#search(this.search.hidden));
    const tools = document.createElement('span');
    tools.className = 'end';
    tools.append(this.copy, searching, this.sharing, this.unsharing, this.again, this.close);
    const head = document.createElement('header');
    head.append(this.status, this.recorded, this.others, this.watched, tools);
    this.link = document.createElement('p');
    this.link.className = 'note-line';
    this.link.hidden = true;

    this.search = document.createElement('form');
    this.search.className = 'terminal-search';
    this.search.hidden = true;
    this.searched = document.createElement('input');
    this.searched.type = 'search';
    this.searched.setAttribute('aria-label', words.search);
    this.found = document.createElement('span');
    this.found.setAttribute('role', 'status');
    const next = this.#button(words.next, () => {});
    next.type = 'submit';
    this.search.append(this.searched, this.#button(words.previous, () => this.#find(-1)), next, this.found);
    this.search.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#find(1);
    });
    this.search.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#search(false);
    });

    this.screen = document.createElement('div');
    this.screen.className = 'terminal-screen';
    this.screen.setAttribute('role', 'group');
    this.screen.setAttribute('aria-label', words.label);
    this.append(head, this.link, this.search, this.screen);
  }

  #open() {
    const term = makeScreen(this.screen, { disableStdin: this.#watches });
    this.term = term;
    this.fitting = new FitAddon();
    this.finder = new SearchAddon();
    term.loadAddon(this.fitting);
    term.loadAddon(this.finder);
    term.open(this.screen);
    this.#fit();
    term.attachCustomKeyEventHandler((event) => this.#key(event));
    const encoder = new TextEncoder();
    term.onData((text) => this.#type(encoder.encode(text)));
    term.onBinary((text) => this.#type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    term.onResize(({ cols, rows }) => {
      if (!this.#watches && cols <= MAX_SIDE && rows <= MAX_SIDE) this.#tell({ type: 'resize', cols, rows });
    });
    this.observer = new ResizeObserver(() => this.#fit());
    this.observer.observe(this.screen);
    term.focus();
    this.#connect();
  }

  #key(event) {
    if (event.type !== 'keydown') return true;
    const both = event.ctrlKey && event.shiftKey;
    const act = (done) => {
      event.preventDefault();
      done();
      return false;
    };
    if (both && event.code === 'KeyF') return act(() => this.#search(true));
    if (both && event.code === 'KeyC') return act(() => this.#copySelection());
    if (event.shiftKey && event.key === 'Escape') return act(() => this.copy.focus());
    return true;
  }

  get #watches() {
    return this.dataset.watch !== undefined;
  }

  /// Who looks on sees it in the size it has.
  #fit() {
    if (!this.#watches) this.fitting.fit();
  }

  #say(text) {
    this.status.textContent = text;
  }

  /// Of one link: who gets another one looks on by that.
  get #place() {
    return KEPT + this.dataset.socket + (this.dataset.given ? `:${this.dataset.given}` : '');
  }

  get #kept() {
    return sessionStorage.getItem(this.#place);
  }

  set #kept(terminal) {
    if (terminal) sessionStorage.setItem(this.#place, terminal);
    else sessionStorage.removeItem(this.#place);
  }

  async #connect() {
    this.again.hidden = true;
    if (!this.#failures) this.#say(this.dataset.connecting);
    let ticket;
    try {
      ticket = await this.#ticket();
    } catch {
      this.#retry();
      return;
    }
    if (!ticket || this.#over) return;
    const address = new URL(this.dataset.socket, location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const size = this.#watches ? {} : { cols: Math.min(this.term.cols, MAX_SIDE), rows: Math.min(this.term.rows, MAX_SIDE) };
    address.search = new URLSearchParams({ ticket, ...size });
    const socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.shown = new Shown((bytes) => this.#tell({ type: 'ack', bytes }));
    this.#listen();
    socket.addEventListener('message', ({ data }) => {
      if (this.socket === socket) this.#hear(data);
    });
    socket.addEventListener('close', () => {
      if (this.socket === socket) this.#lost();
    });
  }

  /// Nothing when it is of no use to ask again; throws when it may be.
  async #ticket() {
    const answer = await fetch(this.dataset.ticket, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(this.#wanted()),
    });
    const envelope = await answer.json();
    if (answer.ok && this.#watches) this.#kept = envelope.data.watch;
    if (answer.ok) return envelope.data.ticket;
    if (answer.status >= 500 || answer.status === 429) throw new Error(envelope.message);
    if (this.#watches && answer.status === 404) this.#kept = null;
    this.#refused(envelope.message);
    return null;
  }

  #wanted() {
    if (!this.#watches) return { terminal: this.#kept };
    // Both: the link, while it was not used, or what it was used for.
    const wanted = { share: this.dataset.given, watch: this.#kept, reason: this.dataset.reason };
    return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  }

  async #share() {
    const { address, code } = await this.#ask(this.dataset.share);
    if (code !== 0) return;
    const field = document.createElement('input');
    field.readOnly = true;
    field.value = new URL(`${this.dataset.watchPage}?share=${address.share}`, location.href);
    field.setAttribute('aria-label', this.dataset.shareLink);
    this.link.replaceChildren(this.dataset.shareLink, ' ', field);
    this.link.hidden = false;
    this.unsharing.hidden = false;
    field.select();
  }

  async #unshare() {
    const { code } = await this.#ask(this.dataset.unshareAt);
    if (code === 0) this.link.hidden = this.unsharing.hidden = true;
  }

  async #ask(address) {
    const answer = await fetch(address, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ terminal: this.#kept }),
    });
    const { code, message, data } = await answer.json();
    if (code !== 0) this.#say(message);
    return { code, address: data };
  }

  #refused(message) {
    this.socket = null;
    this.close.hidden = true;
    this.again.hidden = this.#watches;
    this.sharing.hidden = this.unsharing.hidden = true;
    this.#say(message);
  }

  #listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.socket?.close(), SILENCE_MS);
  }

  #hear(data) {
    this.#listen();
    if (typeof data !== 'string') {
      const { shown } = this;
      this.term.write(new Uint8Array(data), () => shown.add(data.byteLength));
      return;
    }
    const told = JSON.parse(data);
    if (told.type === 'opened') this.#opened(told);
    // What is written is shown later; what the terminal answers to what it shows again is nobody's wish any more.
    else if (told.type === 'replayed') this.term.write('', () => (this.#replaying = false));
    else if (told.type === 'recorded') this.recorded.textContent = this.dataset[told.withInput ? 'recordedInput' : 'recorded'];
    else if (told.type === 'unrecorded') this.recorded.textContent = this.dataset.unrecorded;
    else if (told.type === 'skipped') this.#say(this.dataset.skipped.replace('{bytes}', told.bytes));
    else if (told.type === 'viewers') this.others.textContent = told.count > 1 ? this.dataset.viewers.replace('{n}', told.count) : '';
    else if (told.type === 'shared') this.unsharing.hidden = !told.open;
    else if (told.type === 'watchers') this.#watchedBy(told.people);
    else if (told.type === 'size') this.term.write('', () => this.term.resize(told.cols, told.rows));
    else if (told.type === 'exit') this.#ended(told);
    else if (told.type === 'bye') this.#bye = told.reason;
    else if (told.type === 'refused') {
      this.#kept = null;
      this.#refused(told.error.message);
    }
  }

  #opened(told) {
    this.#failures = 0;
    this.#replaying = true;
    if (!this.#watches) this.#kept = told.terminal;
    this.close.hidden = this.#watches;
    this.sharing.hidden = this.#watches || !this.dataset.share;
    // The server says so where others may look on, also when nobody does now.
    this.unsharing.hidden = true;
    this.recorded.textContent = '';
    this.term.reset();
    this.#say(welcome(this.dataset, told));
    if (!this.#watches) this.#tell({ type: 'resize', cols: this.term.cols, rows: this.term.rows });
  }

  #watchedBy(people) {
    this.watched.textContent = people.length ? this.dataset.watched.replace('{people}', people.join(', ')) : '';
    if (people.length) this.link.hidden = true;
  }

  #ended(told) {
    this.#kept = null;
    this.#refused(ending(this.dataset, told));
    this.again.focus();
  }

  #lost() {
    this.socket = null;
    this.close.hidden = true;
    this.#retry();
  }

  #retry() {
    clearTimeout(this.silence);
    if (this.#over) return;
    this.#say(this.#bye === 'elsewhere' ? this.dataset.elsewhere : this.dataset.lost);
    this.#bye = '';
    this.later = setTimeout(() => this.#connect(), pause(this.#failures, Math.random()));
    this.#failures += 1;
  }

  #renew() {
    this.#kept = null;
    this.term.reset();
    this.term.focus();
    this.#connect();
  }

  #type(bytes) {
    if (this.#replaying || this.#watches || this.socket?.readyState !== WebSocket.OPEN) return;
    for (const piece of pieces(bytes)) this.socket.send(piece);
  }

  #tell(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  async #copySelection() {
    const text = this.term.getSelection();
    if (!text) return;
    try {
      await navigator.clipboard.writeText(text);
      this.#say(this.dataset.copied);
    } catch {
      // On plain http there is no clipboard: the browser's own copy command takes what is selected in a field.
      const field = document.createElement('textarea');
      field.value = text;
      this.append(field);
      field.select();
      if (document.execCommand('copy')) this.#say(this.dataset.copied);
      field.remove();
    }
    this.term.focus();
  }

  #search(open) {
    this.search.hidden = !open;
    this.found.textContent = '';
    if (open) this.searched.focus();
    else this.term.focus();
  }

  #find(way) {
    const text = this.searched.value;
    if (!text) return;
    const found = way > 0 ? this.finder.findNext(text) : this.finder.findPrevious(text);
    this.found.textContent = found ? '' : this.dataset.none;
  }
}

customElements.define('rg-terminal', RgTerminal);
