// Small helpers of every page. All of them only make quicker what works without them.
//
// <rg-copy data-text="…" data-done="Copied"><button>…</button></rg-copy>: puts the text on the clipboard.
// <rg-check-all data-label="…">: a box that ticks every row's box in its table.
// <rg-print><button>…</button></rg-print>: prints the page.
// <rg-bell>, <rg-follow>, <rg-jobs>: see there.
// <rg-captcha data-work="…" data-href="…">: works out a challenge of ALTCHA in place of its picture.
// <rg-palette data-label="…" data-href="/search?on=…">: Ctrl K or / opens a dialog over the search page's list.

import './rg-bell.js';
import './rg-follow.js';
import './rg-jobs.js';

class RgCopy extends HTMLElement {
  connectedCallback() {
    this.addEventListener('click', async () => {
      // Absent on plain http from elsewhere: then the text is still there to be selected.
      if (!navigator.clipboard) return;
      await navigator.clipboard.writeText(this.dataset.text);
      const [button, status] = [this.querySelector('button'), this.querySelector('[role="status"]')];
      const before = button.textContent;
      button.textContent = status.textContent = this.dataset.done;
      setTimeout(() => {
        button.textContent = before;
        status.textContent = '';
      }, 1500);
    });
  }
}

class RgCheckAll extends HTMLElement {
  connectedCallback() {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.setAttribute('aria-label', this.dataset.label);
    const rows = () => [...this.closest('table').querySelectorAll('tbody input[type="checkbox"]')];
    box.addEventListener('change', () => rows().forEach((row) => (row.checked = box.checked)));
    // All that match: those on this page are among them, until one is taken out.
    const all = this.closest('.card').querySelector('[name="all"]');
    all?.addEventListener('change', () => [box, ...rows()].forEach((row) => (row.checked = all.checked)));
    this.closest('table').addEventListener('change', (event) => {
      if (all) all.checked = false;
      if (event.target === box) return;
      const ticked = rows().filter((row) => row.checked).length;
      box.checked = ticked === rows().length;
      box.indeterminate = ticked > 0 && !box.checked;
    });
    this.append(box);
  }
}

class RgPrint extends HTMLElement {
  connectedCallback() {
    this.addEventListener('click', () => print());
  }
}

class RgPalette extends HTMLElement {
  #dialog;
  #input;
  #list;
  #asked = 0;

  connectedCallback() {
    document.addEventListener('keydown', (event) => {
      const typing = event.target.closest?.('input, textarea, select, [contenteditable]');
      const wanted = (event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !typing);
      if (!wanted || event.altKey) return;
      event.preventDefault();
      this.#open();
    });
  }

  #open() {
    if (!this.#dialog) this.#build();
    if (this.#dialog.open) return;
    this.#input.value = '';
    this.#dialog.showModal();
    this.#ask();
  }

  #build() {
    this.#dialog = document.createElement('dialog');
    this.#dialog.className = 'palette';
    this.#dialog.setAttribute('aria-label', this.dataset.label);
    this.#input = Object.assign(document.createElement('input'), { type: 'search', autocomplete: 'off', placeholder: this.dataset.label });
    this.#input.setAttribute('role', 'combobox');
    this.#input.setAttribute('aria-label', this.dataset.label);
    this.#input.setAttribute('aria-controls', 'palette-hits');
    this.#input.setAttribute('aria-expanded', 'true');
    this.#list = Object.assign(document.createElement('div'), { id: 'palette-hits', className: 'hits' });
    this.#list.setAttribute('role', 'listbox');
    this.#list.setAttribute('aria-label', this.dataset.label);
    this.#dialog.append(this.#input, this.#list);
    this.append(this.#dialog);
    let later;
    this.#input.addEventListener('input', () => {
      clearTimeout(later);
      later = setTimeout(() => this.#ask(), 120);
    });
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    // A click beside the dialog closes it.
    this.#dialog.addEventListener('click', (event) => event.target === this.#dialog && this.#dialog.close());
  }

  async #ask() {
    const mine = ++this.#asked;
    const url = `${this.dataset.href}&q=${encodeURIComponent(this.#input.value.trim())}`;
    const answer = await fetch(url, { headers: { accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (mine !== this.#asked) return; // A newer question is on its way.
    const found = page.getElementById('hits');
    // The links themselves are the options: one thing to choose and to open.
    const links = [...(found?.querySelectorAll('li > a') ?? [])];
    this.#list.replaceChildren(...links);
    links.forEach((link, i) => {
      link.id = `palette-hit-${i}`;
      link.setAttribute('role', 'option');
      link.tabIndex = -1;
    });
    if (links.length === 0 && found) {
      const none = Object.assign(document.createElement('p'), { className: 'none', textContent: found.textContent });
      this.#list.append(none);
    }
    this.#choose(0);
  }

  #options() {
    return [...this.#list.querySelectorAll('[role="option"]')];
  }

  #choose(place) {
    const options = this.#options();
    const at = options.length ? (place + options.length) % options.length : -1;
    options.forEach((option, i) => option.setAttribute('aria-selected', String(i === at)));
    if (at < 0) return this.#input.removeAttribute('aria-activedescendant');
    this.#input.setAttribute('aria-activedescendant', options[at].id);
    options[at].scrollIntoView({ block: 'nearest' });
  }

  #key(event) {
    const at = this.#options().findIndex((option) => option.getAttribute('aria-selected') === 'true');
    if (event.key === 'ArrowDown') this.#choose(at + 1);
    else if (event.key === 'ArrowUp') this.#choose(at - 1);
    else if (event.key === 'Enter') this.#options()[at]?.click();
    else return;
    event.preventDefault();
  }
}

const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// The key of PBKDF2 over nonce and counter.
async function derive({ nonce, salt, cost, keyLength }, counter) {
  const password = new Uint8Array([...unhex(nonce), counter >>> 24, counter >>> 16, counter >>> 8, counter]);
  const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: unhex(salt), iterations: cost };
  return hex(await crypto.subtle.deriveBits(how, key, keyLength * 8));
}

// The first counter whose key begins as wanted; some at a time, because the browser works on several cores.
async function solve(challenge) {
  const AT_ONCE = 16;
  for (let from = 0; ; from += AT_ONCE) {
    const keys = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => derive(challenge.parameters, from + i)));
    const at = keys.findIndex((key) => key.startsWith(challenge.parameters.keyPrefix));
    if (at >= 0) return btoa(JSON.stringify({ challenge, solution: { counter: from + at, derivedKey: keys[at] } }));
  }
}

class RgCaptcha extends HTMLElement {
  connectedCallback() {
    // Absent on plain http from elsewhere: then the picture is there.
    if (!globalThis.crypto?.subtle) return;
    const instead = this.querySelector('button');
    instead.addEventListener('click', () => this.#work(JSON.parse(this.dataset.work)));
    if (this.dataset.byItself === undefined) instead.hidden = false;
    else this.#work(JSON.parse(this.dataset.work));
  }

  async #work(challenge) {
    const [id, answer] = ['captcha_id', 'captcha'].map((name) => this.querySelector(`[name="${name}"]`));
    const [status, form] = [this.querySelector('[role="status"]'), this.closest('form')];
    let sent;
    const hold = (event) => {
      event.preventDefault();
      sent = event.submitter;
    };
    this.querySelector('.picture').hidden = true;
    answer.required = false;
    status.textContent = this.dataset.busy;
    form.addEventListener('submit', hold);
    try {
      answer.value = await solve(challenge);
      id.value = challenge.parameters.nonce;
      status.textContent = this.dataset.done;
    } catch {
      // The server says what to do next, with a new picture.
      status.textContent = this.dataset.failed;
    }
    form.removeEventListener('submit', hold);
    if (sent) return form.requestSubmit(sent);
    // A form that lies open for long gets a new one before this one ends.
    const left = challenge.parameters.expiresAt * 1000 - Date.now() - 30_000;
    setTimeout(() => this.#again(), Math.max(left, 60_000));
  }

  async #again() {
    const answer = await fetch(this.dataset.href, { headers: { accept: 'application/json' } });
    if (answer.ok) this.#work((await answer.json()).data.pow);
  }
}

// A row of choices that is longer than the page is wide begins where the chosen one is in sight.
for (const line of document.querySelectorAll('.seg-line')) {
  line.scrollLeft = (line.querySelector('[aria-current]')?.offsetLeft ?? 0) - 48;
}

// HTML gives the focus back when a popover closes, but not when it lies in another one: then to what opened it.
document.addEventListener(
  'toggle',
  ({ target, newState }) => {
    const held = document.activeElement;
    if (newState !== 'closed' || !target.id || (held !== document.body && !target.contains(held))) return;
    document.querySelector(`[popovertarget="${CSS.escape(target.id)}"]`)?.focus({ preventScroll: true });
  },
  true,
);

customElements.define('rg-captcha', RgCaptcha);
customElements.define('rg-copy', RgCopy);
customElements.define('rg-check-all', RgCheckAll);
customElements.define('rg-print', RgPrint);
customElements.define('rg-palette', RgPalette);
