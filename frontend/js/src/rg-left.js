// <rg-left data-seconds="7140" data-words='{"hours":["1 hour left","{} hours left"],…}'>2 hours left</rg-left>: keeps true how long
// something still has. Only makes quicker what works without it: the page says how long that was when it was made.

const LOOK_MS = 5_000;

/// How long still, begun ones counted: days, in the last day hours, in the last hour minutes. As the server counts.
export function left(seconds) {
  const whole = Math.max(Math.trunc(seconds), 0);
  const [unit, length] = whole <= 3_600 ? ['minutes', 60] : whole <= 86_400 ? ['hours', 3_600] : ['days', 86_400];
  return [unit, Math.ceil(whole / length)];
}

/// The same in words, of which there are those for one and those for any other number.
export function inWords(words, seconds) {
  const [unit, n] = left(seconds);
  const [one, other] = words[unit];
  return n === 1 ? one : other.replace('{}', n);
}

const Base = globalThis.HTMLElement ?? class {};

export class RgLeft extends Base {
  #timer;

  connectedCallback() {
    // What has passed since: the reader's clock may be wrong.
    const [words, seconds, began] = [JSON.parse(this.dataset.words), Number(this.dataset.seconds), Date.now()];
    this.#timer = setInterval(() => {
      const says = inWords(words, seconds - (Date.now() - began) / 1_000);
      if (this.textContent !== says) this.textContent = says;
    }, LOOK_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }
}

globalThis.customElements?.define('rg-left', RgLeft);
