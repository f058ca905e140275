// <rg-jobs data-href="/api/customer/jobs/mine" data-none data-one data-many data-empty data-away data-all data-zone>
// <a class="jobs-button" href="/jobs">…</a></rg-jobs>: makes a drawer of the way to the page of jobs. It holds what one wanted
// oneself: what is under way, with how far it is, and what ended last. Only makes quicker what works without it.
//
// How many there are it hears from the bell, which has the page's line to the server; the list is read when the drawer is
// opened, when a job stands otherwise, and every few seconds while it is open and something is under way.

import { local, said } from './rg-bell.js';

const LOOK_MS = 3_000;

/// What stands below the name of a job.
export function details({ says, progress, createdAt, finishedAt }, zone, language) {
  const at = new Intl.DateTimeFormat(language, { timeZone: zone, dateStyle: 'short', timeStyle: 'short', hourCycle: 'h23' });
  const parts = [says, progress === null || finishedAt ? null : `${progress}\u00a0%`, at.format(new Date(finishedAt ?? createdAt))];
  return parts.filter(Boolean).join(' · ');
}

const element = (name, facts = {}) => Object.assign(document.createElement(name), facts);

const Base = globalThis.HTMLElement ?? class {};

export class RgJobs extends Base {
  #all;
  #button;
  #menu;
  #list;
  #status;
  #mark;
  #going;
  #shown = '';
  #asked = 0;

  connectedCallback() {
    this.#build();
    document.addEventListener('rg-jobs', ({ detail }) => this.#hear(detail));
    setInterval(() => this.#menu.open && this.#going > 0 && !document.hidden && this.#ask(), LOOK_MS);
  }

  #build() {
    const link = this.querySelector('a');
    this.#all = link.getAttribute('href');
    this.#button = element('summary', { className: link.className, title: link.title });
    this.#button.setAttribute('aria-label', link.getAttribute('aria-label'));
    this.#button.append(...link.childNodes);
    this.#list = element('ul', { className: 'bell-list' });
    this.#status = element('p', { className: 'unseen-text' });
    this.#status.setAttribute('role', 'status');
    const body = element('div', { className: 'menu-body' });
    body.append(this.#list, element('a', { href: this.#all, textContent: this.dataset.all }));
    this.#menu = element('details', { className: 'menu' });
    this.#menu.append(this.#button, body);
    this.#menu.addEventListener('toggle', () => this.#menu.open && this.#ask());
    this.#menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.#menu.open) return;
      this.#menu.open = false;
      this.#button.focus();
    });
    document.addEventListener('click', (event) => {
      if (!this.#menu.contains(event.target)) this.#menu.open = false;
    });
    link.replaceWith(this.#menu, this.#status);
  }

  #hear({ going, mark }) {
    const news = this.#mark !== undefined && mark !== this.#mark;
    [this.#going, this.#mark] = [going, mark];
    this.#count();
    if (news && this.#menu.open) this.#ask();
  }

  #count() {
    const { none, one, many } = this.dataset;
    const { label, badge } = said(this.#going, { none, one, many });
    if (label === this.#button.title) return;
    this.#button.title = label;
    this.#button.setAttribute('aria-label', label);
    this.#status.textContent = label;
    this.#button.querySelector('.badge')?.remove();
    if (!badge) return;
    const shown = element('span', { className: 'badge', textContent: badge });
    shown.setAttribute('aria-hidden', 'true');
    this.#button.append(shown);
  }

  async #ask() {
    const mine = ++this.#asked;
    const answer = await fetch(this.dataset.href, { headers: { accept: 'application/json' } }).catch(() => null);
    const read = answer?.ok ? await answer.json().catch(() => null) : null;
    if (mine !== this.#asked) return; // A newer question is on its way.
    if (read) this.#show(read.data);
    else if (this.#shown === '') this.#list.replaceChildren(element('li', { textContent: this.dataset.away }));
  }

  #show({ going, list }) {
    this.#going = going;
    this.#count();
    const now = JSON.stringify(list);
    if (now === this.#shown) return;
    this.#shown = now;
    const held = this.#list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const items = list.map((job) => this.#item(job));
    if (items.length === 0) items.push(element('li', { textContent: this.dataset.empty }));
    this.#list.replaceChildren(...items);
    // Who stands on a job stays on it.
    if (held) this.#list.querySelector(`[data-id="${held}"]`)?.focus();
  }

  #item(job) {
    const link = element('a', { href: local(job.link) ?? this.#all });
    link.dataset.id = job.id;
    const name = element('span', { className: 'job-name', textContent: job.title });
    if (job.about) name.append(' ', element('strong', { textContent: job.about }));
    const state = element('span', { className: `sub job-${job.state}`, textContent: details(job, this.dataset.zone, document.documentElement.lang) });
    link.append(name, state);
    if (job.progress !== null && !job.finishedAt) {
      const bar = element('progress', { max: 100, value: job.progress });
      bar.setAttribute('aria-hidden', 'true');
      link.append(bar);
    }
    if (job.message) link.append(element('span', { className: 'sub', textContent: job.message }));
    const item = element('li');
    item.append(link);
    return item;
  }
}

globalThis.customElements?.define('rg-jobs', RgJobs);
