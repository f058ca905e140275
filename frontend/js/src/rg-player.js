// <rg-player data-src="/api/…/content" data-play data-pause data-position data-speed …>: plays what a terminal showed. The
// terminal is made by rg-terminal.js, which the page loads beside this.

import { adopt } from './adopted.js';
import css from './player.css';
import { clock, markAt, parse, SPEEDS, steps, until, wish } from './player.js';

class RgPlayer extends HTMLElement {
  #at = 0;
  /// How many events are shown, and how many are to be.
  #shown = 0;
  #wanted = 0;
  #showing = false;
  /// Played to its end.
  #over = false;
  /// It could not be read to its end.
  #cut = false;
  #speed = 1;
  #since = null;

  async connectedCallback() {
    if (this.screen) return;
    adopt(document, css);
    this.#build();
    const { screen: makeScreen } = await customElements.whenDefined('rg-terminal');
    this.term = makeScreen(this.screen, { disableStdin: true, cursorBlink: false, convertEol: this.#plain });
    // Keys are ours: nothing is typed here.
    this.term.attachCustomKeyEventHandler(() => false);
    await this.#load();
  }

  /// Of no terminal.
  get #plain() {
    return this.dataset.plain !== undefined;
  }

  disconnectedCallback() {
    this.#pause();
    this.term?.dispose();
  }

  #build() {
    const words = this.dataset;
    const plain = [...this.childNodes];
    this.screen = document.createElement('div');
    this.screen.className = 'terminal-screen';
    this.screen.setAttribute('role', 'group');
    this.screen.setAttribute('aria-label', words.label);
    this.button = document.createElement('button');
    this.button.type = 'button';
    this.button.className = 'btn';
    this.button.textContent = words.play;
    this.button.addEventListener('click', () => this.#toggle());
    this.slider = document.createElement('input');
    this.slider.type = 'range';
    this.slider.min = 0;
    this.slider.step = 'any';
    this.slider.setAttribute('aria-label', words.position);
    this.slider.addEventListener('input', () => this.#go(Number(this.slider.value)));
    this.time = document.createElement('span');
    this.time.className = 'player-time';
    this.speed = document.createElement('select');
    this.speed.setAttribute('aria-label', words.speed);
    this.speed.append(...SPEEDS.map((speed) => new Option(`${speed}×`, speed, speed === 1, speed === 1)));
    this.speed.addEventListener('change', () => this.#pace(Number(this.speed.value)));
    this.status = document.createElement('span');
    this.status.setAttribute('role', 'status');
    this.status.className = 'sub';
    this.status.textContent = words.loading;
    this.controls = document.createElement('div');
    this.controls.className = 'player-controls';
    this.controls.hidden = true;
    this.controls.append(this.button, this.slider, this.time, this.speed);
    const foot = document.createElement('p');
    foot.className = 'note-line';
    foot.append(this.status);
    for (const node of plain) node.remove();
    this.append(this.screen, this.controls, foot);
    this.addEventListener('keydown', (event) => this.#key(event));
  }

  async #load() {
    const text = await this.#read();
    if (text === null) return;
    this.cast = parse(text);
    if (!this.cast) {
      this.status.textContent = this.dataset.failed;
      return;
    }
    this.term.resize(this.cast.width, this.cast.height);
    this.term.open(this.screen);
    this.slider.max = this.cast.length;
    this.controls.hidden = false;
    this.#go(0);
  }

  /// As much of it as there is to be had; nothing where there is none.
  async #read() {
    let text = '';
    try {
      const answer = await fetch(this.dataset.src, { headers: { accept: 'application/x-asciicast, application/json' } });
      if (!answer.ok) {
        this.status.textContent = (await answer.json()).message ?? this.dataset.failed;
        return null;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return text;
        text += value;
      }
    } catch {
      this.#cut = true;
      return text;
    }
  }

  /// Shows how it was then: on from what is shown, or from the beginning.
  #go(to) {
    if (!this.cast) return;
    const { events, length } = this.cast;
    this.#at = Math.min(Math.max(to, 0), length);
    this.#over = false;
    this.#wanted = until(events, this.#at);
    this.#show();
    if (this.#since !== null) this.#since = performance.now() - (this.#at / this.#speed) * 1000;
    this.#tell();
  }

  /// One at a time, a bit after another: where something else is wanted meanwhile, on to that.
  async #show() {
    if (this.#showing) return;
    this.#showing = true;
    try {
      while (this.#shown !== this.#wanted) await this.#showSome();
    } catch {
      this.#pause();
      this.#tell();
      this.status.textContent = this.dataset.failed;
    } finally {
      this.#showing = false;
    }
  }

  async #showSome() {
    const { events, width, height } = this.cast;
    const wanted = this.#wanted;
    if (wanted < this.#shown) {
      this.term.reset();
      this.term.resize(width, height);
      this.#shown = 0;
    }
    for (const { text, size, done } of steps(events, this.#shown, wanted, this.#plain)) {
      if (size) this.term.resize(...size);
      else await new Promise((shown) => this.term.write(text, shown));
      this.#shown = done;
      if (this.#wanted !== wanted) return;
    }
  }

  #tell() {
    const { length } = this.cast;
    const words = `${clock(this.#at)} / ${clock(length)}`;
    this.time.textContent = words;
    this.slider.value = this.#at;
    this.slider.setAttribute('aria-valuetext', words);
    this.button.textContent = this.#since === null ? this.dataset.play : this.dataset.pause;
    const said = [this.#over && this.dataset.over, markAt(this.cast.marks, this.#at, this.dataset), this.#cut && this.dataset.cut];
    const status = said.filter(Boolean).join(' ');
    if (this.status.textContent !== status) this.status.textContent = status;
  }

  #toggle() {
    if (!this.cast) return;
    if (this.#since !== null) this.#pause();
    else {
      if (this.#at >= this.cast.length) this.#go(0);
      this.#since = performance.now() - (this.#at / this.#speed) * 1000;
      this.frame = requestAnimationFrame(() => this.#play());
    }
    this.#tell();
  }

  #pause() {
    this.#since = null;
    cancelAnimationFrame(this.frame);
  }

  #play() {
    if (this.#since === null) return;
    const at = ((performance.now() - this.#since) / 1000) * this.#speed;
    if (at >= this.cast.length) {
      this.#pause();
      this.#go(this.cast.length);
      this.#over = true;
      this.#tell();
      return;
    }
    this.#go(at);
    this.frame = requestAnimationFrame(() => this.#play());
  }

  #pace(speed) {
    this.#speed = speed;
    this.speed.value = speed;
    if (this.#since !== null) this.#since = performance.now() - (this.#at / speed) * 1000;
  }

  #key(event) {
    if (!this.cast || event.ctrlKey || event.altKey || event.metaKey) return;
    const { target } = event;
    // A button is pressed, and a list chosen from, by keys of their own.
    if ((target === this.button && event.key === ' ') || target === this.speed) return;
    const wanted = wish(event, { at: this.#at, length: this.cast.length, speed: this.#speed });
    if (!wanted) return;
    event.preventDefault();
    if (wanted.toggle) this.#toggle();
    else if (wanted.speed) this.#pace(wanted.speed);
    else this.#go(wanted.to);
  }
}

customElements.define('rg-player', RgPlayer);
