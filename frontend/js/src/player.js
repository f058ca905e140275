// What plays recordings knows without a browser: see rg-player.js.

export const SPEEDS = [0.5, 1, 2, 4, 8, 16];
/// A step of the arrow keys, and of those with shift, seconds.
export const STEP = 5;
export const LEAP = 60;
/// Letters that are shown at a time: a terminal takes no more than so many millions that it has not shown yet.
const PIECE = 65_536;
/// How long a marker is shown, seconds.
const FRESH = 10;

/// A recording as its lines say, an asciicast of version 2; nothing for what is none. A line that was cut is the end: the
/// server died while it was written.
export function parse(text) {
  const lines = text.split('\n');
  let header;
  try {
    header = JSON.parse(lines[0]);
  } catch {
    return null;
  }
  if (header?.version !== 2 || !side(header.width) || !side(header.height)) return null;
  const events = [];
  const marks = [];
  let last = 0;
  for (const line of lines.slice(1)) {
    if (!line) continue;
    let event;
    try {
      event = JSON.parse(line);
    } catch {
      break;
    }
    const [at, kind, data] = Array.isArray(event) ? event : [];
    if (typeof at !== 'number' || typeof kind !== 'string' || typeof data !== 'string') break;
    // Time never goes back.
    last = Math.max(last, at);
    events.push([last, kind, data]);
    if (kind === 'm') marks.push([last, data]);
  }
  return { width: header.width, height: header.height, events, marks, length: last };
}

const side = (n) => Number.isInteger(n) && n > 0 && n <= 1000;

/// Columns and rows of a change of size; nothing for what is none.
export function sizeOf(data) {
  const [cols, rows] = data.split('x').map(Number);
  return side(cols) && side(rows) ? [cols, rows] : null;
}

/// How many events have happened until then.
export function until(events, at) {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle][0] <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// What there is to do to come from one event to another: a bit of text or a size each, with how many events are shown then.
/// What went into something that is `plain`, no terminal, is shown as well: nothing else shows it.
export function* steps(events, from, to, plain, piece = PIECE) {
  let text = '';
  for (let n = from; n < to; n += 1) {
    const [, kind, data] = events[n];
    const size = kind === 'r' ? sizeOf(data) : null;
    if (kind === 'o') text += data;
    else if (kind === 'i' && plain) text += `\u001b[2m${data}\u001b[22m`;
    if (size) {
      if (text) yield { text, done: n };
      text = '';
      yield { size, done: n + 1 };
    } else if (text.length >= piece || n + 1 === to) {
      yield { text, done: n + 1 };
      text = '';
    }
  }
}

/// The words of the marker that is read at this moment: the last one, while it is fresh. What we mark with has words in
/// `dataset`; others' markers are words.
export function markAt(marks, at, dataset) {
  const [when, word] = marks.findLast(([moment]) => moment <= at) ?? [-Infinity, ''];
  if (at - when > FRESH) return '';
  const [name, bytes] = word.split(' ');
  const key = { limit: 'markLimit', full: 'markFull', 'left-out': 'markLeftOut' }[name];
  return key ? (dataset[key] ?? '').replace('{bytes}', bytes ?? '') : word;
}

/// Minutes and seconds, and hours where there are any.
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

/// What a key asks for: to play or stop, to go somewhere, or for another speed.
export function wish({ key, shiftKey }, { at, length, speed }) {
  const to = (place) => ({ to: Math.min(Math.max(place, 0), length) });
  const step = shiftKey ? LEAP : STEP;
  const faster = (by) => ({ speed: SPEEDS[Math.min(Math.max(SPEEDS.indexOf(speed) + by, 0), SPEEDS.length - 1)] });
  if (key === ' ' || key === 'k') return { toggle: true };
  if (key === 'ArrowLeft') return to(at - step);
  if (key === 'ArrowRight') return to(at + step);
  if (key === 'Home') return to(0);
  if (key === 'End') return to(length);
  if (key === '<') return faster(-1);
  if (key === '>') return faster(1);
  return null;
}
