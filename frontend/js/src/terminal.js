// What the terminal knows without a browser: see rg-terminal.js.

import * as live from './live.js';

/// Who types waits for less.
const RETRY_MS = [500, 10_000];
/// A shell takes what is typed in pieces; a message may have 64 KiB.
const PIECE = 16 * 1024;
/// The server sends 256 KiB ahead of what it was told to be shown.
const ACK_BYTES = 32 * 1024;

/// How long to wait before the next try.
export const pause = (failures, random) => live.pause(failures, random, RETRY_MS);

/// What is typed, in pieces that may be cut within a letter: they are put together again.
export function pieces(bytes) {
  const count = Math.ceil(bytes.length / PIECE);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * PIECE, (n + 1) * PIECE));
}

/// Tells what was shown, not too often.
export class Shown {
  #bytes = 0;

  constructor(tell) {
    this.tell = tell;
  }

  add(bytes) {
    this.#bytes += bytes;
    if (this.#bytes < ACK_BYTES) return;
    this.tell(this.#bytes);
    this.#bytes = 0;
  }
}

/// How a shell ended, in the words of the page.
export function ending(words, { reason, code }) {
  if (reason === 'exited') return words.exited.replace('{code}', code ?? '?');
  const key = `exit${reason[0].toUpperCase()}${reason.slice(1)}`;
  return words[key] ?? words.exitClosed;
}

/// The words for a shell that is there.
export function welcome(words, { resumed, instead }) {
  if (instead === 'elsewhere') return words.elsewhere;
  if (instead === 'gone') return words.gone;
  if (instead) return words.over;
  return resumed ? words.again : words.connected;
}
