// What every element that keeps a socket to the server open needs to know.

/// The first pause and the longest.
const RETRY_MS = [1_000, 30_000];

export const parse = (text) => {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
};

/// Whether a message says that nobody is signed in here any more.
export function ended(text) {
  const { type, reason, error } = parse(text);
  return type === 'bye' ? reason === 'session_ended' : type === 'refused' && error?.code === 1100;
}

/// How long to wait before the next try.
export function pause(failures, random, [first, longest] = RETRY_MS) {
  return Math.min(first * 2 ** Math.min(failures, 6), longest) * (0.75 + random * 0.5);
}
