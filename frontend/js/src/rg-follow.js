// <rg-follow data-href="/api/customer/machines?machine=…" data-machine="…" data-seen="grace 1790000000" data-gone="…"
// data-changed="…"><span role="status"></span></rg-follow>: looks from time to time how an allocation stands, and brings the
// page up to date when that is not what it shows. Only makes quicker what works without it.
//
// What can change is marked `data-part`; it is taken from the same page, fetched anew. Islands are left as they are, because
// nothing would wake new ones: where the new page has some and this one has none, it is loaded again.

const LOOK_MS = 5_000;

/// How the allocation of a machine stands that is not over; empty when there is none.
export function standing(list, machine) {
  const row = list.find((row) => row.machine === machine && !['ended', 'cancelled'].includes(row.state));
  return row ? `${row.state} ${Math.floor(Date.parse(row.endsAt) / 1000)}` : '';
}

/// What becomes of a part: `now` and `next` say whether there are islands in it, `next` null that it is gone.
export function fate(now, next) {
  if (next === null) return 'remove';
  if (!next) return 'replace';
  return now ? 'keep' : 'reload';
}

const Base = globalThis.HTMLElement ?? class {};

const lives = (part) => part.querySelector('leptos-island') !== null;

/// What somebody is typing stays typed.
function carry(from, into) {
  for (const field of from.querySelectorAll('input[name], textarea[name]')) {
    if (field.value === field.defaultValue) continue;
    const same = into.querySelector(`[name="${CSS.escape(field.name)}"]`);
    if (same) same.value = field.value;
  }
}

export class RgFollow extends Base {
  connectedCallback() {
    setInterval(() => document.hidden || this.#look(), LOOK_MS);
    // The chip of the live link hears first that the period is over.
    const chip = document.querySelector('.live');
    const heard = () => chip.classList.contains('lost') && this.#look();
    if (chip) new MutationObserver(heard).observe(chip, { attributeFilter: ['class'] });
  }

  async #look() {
    const answer = await fetch(this.dataset.href, { headers: { accept: 'application/json' } }).catch(() => null);
    if (!answer?.ok) return; // Away or signed out: the bell tells.
    const seen = standing((await answer.json()).data.list, this.dataset.machine);
    if (seen === this.dataset.seen) return;
    this.dataset.seen = seen;
    if (!seen) return this.#gone();
    const fetched = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => null);
    if (fetched?.ok) this.#take(new DOMParser().parseFromString(await fetched.text(), 'text/html'));
  }

  #take(page) {
    const parts = [...document.querySelectorAll('[data-part]')].map((part) => {
      const next = page.querySelector(`[data-part="${part.dataset.part}"]`);
      return { part, next, what: fate(lives(part), next && lives(next)) };
    });
    if (parts.some(({ what }) => what === 'reload')) return location.reload();
    for (const { part, next, what } of parts) {
      if (what === 'remove') part.remove();
      if (what !== 'replace') continue;
      carry(part, next);
      part.replaceWith(document.adoptNode(next));
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
