// <rg-follow data-href="/api/customer/machines?machine=…" data-machine="…" data-seen="grace 2026-09-21T13:33:20" data-gone="…"
// data-changed="…"><span role="status"></span></rg-follow>: looks from time to time how an allocation stands, and brings the
// page up to date when that is not what it shows. Only makes quicker what works without it. Staff's page of one allocation
// names that in `data-href`, and is followed step by step while the machine is taken back. The workbench names no machine: it
// follows all of its customer's.
//
// With `data-of="instances"` it is instances that are looked at: one, or those of a list; `data-every` says how often, in seconds.
//
// What can change is marked `data-part`; it is taken from the same page, fetched anew. Islands are left as they are, because
// nothing would wake new ones: where the new page has some and this one has none, it is loaded again. A log that goes on is left
// as well, while the new page has one, too. What somebody is in the middle of is not taken away: then it is looked again later.

/// Seconds.
const LOOK = 5;

const isOver = ({ state }) => ['ended', 'cancelled'].includes(state);

/// Its state, its end, and whether more time is asked for: an answer may change nothing else.
const ofOne = ({ state, endsAt, openRequest }) => `${state} ${endsAt.slice(0, 19)}${openRequest ? ' asked' : ''}`;

/// How the allocation of a machine stands that is not over; empty when there is none. Without a machine, how all of them do, and
/// how their machines are.
export function standing(list, machine) {
  const rows = list.filter((row) => !isOver(row));
  if (!machine) return ['all', ...rows.map((row) => `${row.machine} ${ofOne(row)} ${row.presence ?? ''} ${row.maintenance?.state ?? ''}`)].join('; ');
  const row = rows.find((row) => row.machine === machine);
  return row ? ofOne(row) : '';
}

/// How one allocation stands, with the steps of taking its machine back. A waiting one has another time at nearly every try:
/// of those only why it waits counts, or the figures as they are shown.
export function stepping({ allocation, steps }) {
  return [allocation.state, ...steps.map(({ state, at, result }) => state + (state === 'waiting' ? waitsFor(result) : at.slice(0, 19)))].join(' ');
}

/// A container that was started again runs as before, but since another moment.
const ofInstance = ({ id, state, wanted, revision, startedAt }) => `${id} ${state} ${wanted} ${revision} ${(startedAt ?? '').slice(0, 19)}`;

/// How an instance stands, or those of a page of a list, with how many there are in all.
export const instances = ({ list, total, ...one }) => (list ? [total, ...list.map(ofInstance)].join('; ') : ofInstance(one));

/// Bytes change all the time: tenths of a GiB are what is read.
function waitsFor({ reason, processes, missing, ecc, xid, usedBytes }) {
  const used = usedBytes && `${Math.floor((usedBytes / 2 ** 30) * 10)}`;
  return reason ?? [processes, missing, ecc, xid, used].filter(Boolean).join();
}

/// What becomes of a part: `now` and `next` say whether there are islands in it, `next` null that it is gone.
export function fate(now, next) {
  if (next === null) return 'remove';
  if (!next) return 'replace';
  return now ? 'keep' : 'reload';
}

const Base = globalThis.HTMLElement ?? class {};

const lives = (part) => part.querySelector('leptos-island') !== null;
const goesOn = (part) => part.querySelector('rg-logs') !== null;

/// Where somebody types or is asked something; islands and logs are not touched anyway. A browser that knows no popovers passes
/// `:is`.
const BUSY = '[data-part]:not(:has(leptos-island,rg-logs)) :is(:popover-open,:focus)';

/// What somebody unfolded stays open. What somebody is typing stays typed, in its own form: several may have a field of that name.
export function carry(from, into) {
  for (const { open, firstElementChild: summary } of from.querySelectorAll('details')) {
    if (!open) continue;
    const same = [...into.querySelectorAll('details')].find(({ firstElementChild }) => firstElementChild.textContent === summary.textContent);
    if (same) same.open = true;
  }
  for (const field of from.querySelectorAll('form :is(input,textarea)')) {
    if (field.value === field.defaultValue) continue;
    const same = into.querySelector(`[action="${field.form.getAttribute('action')}"] [name="${field.name}"]`);
    if (same) same.value = field.value;
  }
}

export class RgFollow extends Base {
  connectedCallback() {
    setInterval(() => document.hidden || this.#look(), (this.dataset.every ?? LOOK) * 1_000);
    // The chip of the live link hears first that the period is over.
    const chip = document.querySelector('.live');
    const heard = () => chip.classList.contains('lost') && this.#look();
    if (chip) new MutationObserver(heard).observe(chip, { attributeFilter: ['class'] });
  }

  async #look() {
    const answer = await fetch(this.dataset.href, { headers: { accept: 'application/json' } }).catch(() => null);
    if (!answer?.ok) return; // Away or signed out: the bell tells.
    const { data } = await answer.json();
    const seen = this.#standing(data);
    if (seen === this.dataset.seen || (seen && document.querySelector(BUSY))) return;
    const before = this.dataset.seen;
    this.dataset.seen = seen;
    if (!seen) return this.#gone();
    const fetched = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => null);
    // What could not be read is looked for again.
    if (!fetched?.ok) this.dataset.seen = before;
    else this.#take(new DOMParser().parseFromString(await fetched.text(), 'text/html'));
  }

  #standing(data) {
    if (this.dataset.of === 'instances') return instances(data);
    return data.steps ? stepping(data) : standing(data.list, this.dataset.machine);
  }

  #take(page) {
    const parts = [...document.querySelectorAll('[data-part]')].map((part) => {
      const next = page.querySelector(`[data-part="${part.dataset.part}"]`);
      const what = next && goesOn(part) && goesOn(next) ? 'keep' : fate(lives(part), next && lives(next));
      return { part, next, what };
    });
    if (parts.some(({ what }) => what === 'reload')) return location.reload();
    for (const { part, next, what } of parts) {
      if (what === 'remove') part.remove();
      if (what !== 'replace') continue;
      const held = part.contains?.(document.activeElement);
      carry(part, next);
      // What a dialog gives the focus to when it opens would have it at once, or browsers complain that it may not.
      const firsts = [...(next.querySelectorAll?.('[autofocus]') ?? [])];
      for (const first of firsts) first.autofocus = false;
      part.replaceWith(document.adoptNode(next));
      for (const first of firsts) first.autofocus = true;
      // Who stood in a log that does not go on stands in what is left of it.
      if (held) next.querySelector('.scroll')?.focus();
    }
    this.querySelector('[role="status"]').textContent = this.dataset.changed;
  }

  #gone() {
    for (const part of document.querySelectorAll('[data-part]')) {
      if (part.dataset.part === 'main') part.replaceChildren(Object.assign(document.createElement('p'), { className: 'empty card', textContent: this.dataset.gone }));
      else part.remove();
    }
    this.querySelector('[role="status"]').textContent = this.dataset.gone;
  }
}

globalThis.customElements?.define('rg-follow', RgFollow);
