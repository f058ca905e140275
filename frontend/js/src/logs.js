// What <rg-logs> shows of a log: what is read of messages, and lines as a terminal would leave them. Colours become a few fixed
// classes, other escape sequences are left out, and of a line that was written over and over its last state stands.
//
// `app/src/ui/ansi.rs` does the same to what the page comes with; their tests have the same cases.

import { parse } from './live.js';

/// Hues by the terminal's number: 0 is none, 7 the ink itself as a ground, 8 the grey that terminals call a bright black.
const HUES = ['', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white', 'grey'];
const WHITE = 7;
const GREY = 8;
/// Differences of the three parts of a colour below which it is a grey.
const GREYISH = 48;
/// Parts of the colours in xterm's cube.
const LEVELS = [0, 95, 135, 175, 215, 255];

/// Looks, titles and links, and what is shorter. What is no whole sequence goes as far as it is one.
const ESCAPE = /\x1b(?:\[([ -?]*)([@-~]?)|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|(?=\x1b))|[ -/]*[0-~]?)/;
/// What is no text: what ends a state or rubs out a letter is told apart, other signs for a terminal go.
const TOKEN = new RegExp(`${ESCAPE.source}|([\\r\\b])|[\\0-\\x08\\x0a-\\x1f\\x7f-\\x9f]`, 'g');

/// How text looks before anything is said of it.
export const PLAIN = Object.freeze({ ink: 0, ground: 0 });

/// The content of a message, and whether it replaces what was there; nothing for anything else.
export function heard(text) {
  const { type, data } = parse(text);
  const ours = (type === 'snapshot' || type === 'delta') && Array.isArray(data?.lines);
  return ours ? { lines: data.lines, unfinished: data.unfinished ?? [], mark: data.mark, anew: type === 'snapshot' } : null;
}

/// Of a zone: to make one takes longer than to use it for a line.
const formats = {};

/// What stands before a line.
export function clock(at, zone) {
  if (!at) return ' ';
  formats[zone] ??= new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  return `${formats[zone].format(new Date(at))} `;
}

/// A line in its last state that says something, as runs of a text and its classes, and how it leaves off for the next one.
export function painted(line, before = PLAIN) {
  let look = before;
  let runs = [];
  let earlier = [];
  const put = (text) => {
    if (!text) return;
    const classes = named(look);
    if (runs.at(-1)?.classes === classes) runs.at(-1).text += text;
    else runs.push({ text, classes });
  };
  let at = 0;
  for (const found of line.matchAll(TOKEN)) {
    put(line.slice(at, found.index));
    at = found.index + found[0].length;
    const [, says, last, sign] = found;
    if (last === 'm' && /^[\d;:]*$/.test(says)) look = told(look, says);
    if (sign === '\b') rubOut(runs);
    if (sign !== '\r') continue;
    if (saysSomething(runs)) earlier = runs;
    runs = [];
  }
  put(line.slice(at));
  return { runs: saysSomething(runs) || !saysSomething(earlier) ? runs : earlier, look };
}

const saysSomething = (runs) => runs.some(({ text }) => text.trim());

/// What stands there next takes the place of the last letter.
function rubOut(runs) {
  const run = runs.at(-1);
  if (!run) return;
  run.text = [...run.text].slice(0, -1).join('');
  if (!run.text) runs.pop();
}

/// A look after what `1;38;5;196` says, the inside of a sequence that ends with `m`.
function told(before, says) {
  let look = before;
  const items = says.split(';');
  while (items.length) {
    const [code, ...more] = items.shift().split(':');
    const n = number(code);
    if (n === 38 || n === 48) {
      const hue = hueOfParts(more.length ? more : items.splice(0, items[0] === '2' ? 4 : 2));
      if (hue !== undefined) look = { ...look, ...(n === 38 ? { ink: inked(hue) } : { ground: hue }) };
    } else if (n === 4) look = { ...look, under: more[0] !== '0' };
    else look = turned(look, n);
  }
  return look;
}

const ON = { 1: 'bold', 2: 'faint', 3: 'italic', 7: 'inverse', 9: 'strike', 21: 'under' };
const OFF = { 22: 'bold', 23: 'italic', 24: 'under', 27: 'inverse', 29: 'strike' };

function turned(look, n) {
  if (n === 0) return PLAIN;
  if (ON[n]) return { ...look, [ON[n]]: true };
  if (OFF[n]) return { ...look, [OFF[n]]: false, ...(n === 22 && { faint: false }) };
  if (n >= 30 && n <= 37) return { ...look, ink: inked(n - 30) };
  if (n === 39) return { ...look, ink: 0 };
  if (n >= 40 && n <= 47) return { ...look, ground: n - 40 };
  if (n === 49) return { ...look, ground: 0 };
  if (n >= 90 && n <= 97) return { ...look, ink: inked(bright(n - 90)) };
  if (n >= 100 && n <= 107) return { ...look, ground: bright(n - 100) };
  return look;
}

/// Its classes. On a ground stands the colour of the page: whatever else a program wants there, it can be read.
function named(look) {
  const ground = look.inverse ? look.ink || WHITE : look.ground;
  const hue = ground || look.ink || (look.faint ? GREY : 0);
  const names = [hue && hue !== WHITE && HUES[hue], ground && 'ground', ...['bold', 'italic', 'under', 'strike'].map((name) => look[name] && name)];
  return names.filter(Boolean).map((name) => `ansi-${name}`).join(' ');
}

/// A byte; nothing for what is none.
function number(text = '') {
  const n = Number(text);
  return n < 256 ? n : undefined;
}

/// Black and white are what is written with anyway: on this ground one of them could not be read.
const inked = (hue) => (hue === WHITE ? 0 : hue);
const bright = (hue) => hue || GREY;

/// `5` with a number of xterm's table, `2` with red, green and blue, before which a space of colours may stand.
function hueOfParts([kind, ...parts]) {
  if (kind === '5' && parts.length) return hueOf256(number(parts[0]));
  if (kind === '2' && parts.length > 2) return hueOf(...parts.slice(-3).map(number));
  return undefined;
}

/// xterm's table: sixteen, a cube of six by six by six, and greys.
function hueOf256(n) {
  if (n === undefined) return undefined;
  if (n < 8) return n;
  if (n < 16) return bright(n - 8);
  if (n > 231) return hueOf(...Array(3).fill(8 + 10 * (n - 232)));
  const level = (step) => LEVELS[Math.floor((n - 16) / step) % 6];
  return hueOf(level(36), level(6), level(1));
}

/// The nearest of the terminal's: their numbers say which of the three parts are there.
function hueOf(...parts) {
  if (parts.includes(undefined)) return undefined;
  const [least, most] = [Math.min(...parts), Math.max(...parts)];
  if (most - least < GREYISH) return most < 80 ? 0 : most < 176 ? GREY : WHITE;
  return parts.reduce((hue, part, bit) => hue + (part > Math.floor((least + most) / 2) ? 1 << bit : 0), 0);
}
