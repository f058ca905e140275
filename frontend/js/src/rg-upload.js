// <rg-upload data-uploads="/api/files/uploads" data-purpose="image" data-page="/images/mine/" data-start data-pause …>
// around the file of a form: sends it in chunks and then the rest of the form as JSON to where the form goes. Shows how far
// it is, can be paused, goes on by itself after a lost connection, and after a reload when the same file is chosen again.
// Without it, the form is posted as it is, and takes small files.
//
// A script of its own, because only pages with an upload load it.

const AT_ONCE = 3;
const RETRY_MS = [1_000, 30_000];
const KEPT = 'rg-upload:';
/// Unfinished uploads are forgotten by the server after two days.
const KEPT_MS = 48 * 3600 * 1000;

/// Numbers of the chunks that are not there yet.
export function missing({ chunks, received }) {
  const there = (n) => received.some(({ from, to }) => from <= n && n <= to);
  return Array.from({ length: chunks }, (_, n) => n).filter((n) => !there(n));
}

/// `cuda_version` → `cudaVersion`.
export function camel(name) {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

/// What a form says, without its file: boxes as yes or no, and nothing where nothing was typed.
export function said(elements) {
  const body = {};
  for (const { name, type, value, checked } of elements) {
    if (!name || type === 'file' || type === 'submit') continue;
    body[camel(name)] = type === 'checkbox' ? checked : value.trim() || null;
  }
  return body;
}

/// What an upload of this file is kept under, so that the same file is known again.
export function keyOf({ name, size, lastModified }) {
  return `${KEPT}${size}:${lastModified}:${name}`;
}

/// How long to wait before the next try.
export function pause(failures, random) {
  return Math.min(RETRY_MS[0] * 2 ** Math.min(failures, 6), RETRY_MS[1]) * (0.75 + random * 0.5);
}

/// 1500 → 1.5 kB: in the unit that storage is counted in.
export function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const number = bytes / 1000 ** step;
  return `${step === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[step]}`;
}

/// An answer that says no, in words for who waits; `passing` when the same may go well later.
export class Refusal extends Error {
  constructor(message, fields, status) {
    super(message);
    this.fields = fields;
    this.status = status;
    this.passing = status >= 500 || status === 429;
  }
}

async function ask(path, method, body, signal, headers = {}) {
  const raw = body instanceof Blob;
  const type = raw ? 'application/octet-stream' : 'application/json';
  const answer = await fetch(path, {
    method,
    signal,
    body: raw || body === undefined ? body : JSON.stringify(body),
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }), ...headers },
  });
  const envelope = await answer.json().catch(() => ({}));
  if (answer.ok) return envelope.data;
  throw new Refusal(envelope.message ?? String(answer.status), envelope.data?.fields ?? {}, answer.status);
}

async function hash(chunk) {
  // Absent on plain http from elsewhere.
  if (!globalThis.crypto?.subtle) return {};
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await chunk.arrayBuffer()));
  return { 'x-chunk-sha256': [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
}

const wait = (ms, signal) =>
  new Promise((done, failed) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), failed(signal.reason)), { once: true });
  });

/// Runs `once` again and again while the connection is away or the server has too much to do.
export async function trying(signal, once, failed, rest = wait) {
  for (let failures = 0; ; failures++) {
    try {
      return await once();
    } catch (error) {
      if (signal.aborted || (error instanceof Refusal && !error.passing)) throw error;
      failed();
      await rest(pause(failures, Math.random()), signal);
    }
  }
}

/// The upload that was begun before, or nothing when it is known to be gone. Whatever else goes wrong is no reason to begin
/// anew.
export async function goneOn(asking) {
  try {
    const upload = await asking();
    return upload.state === 'aborted' ? null : upload;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/// Several at once, with a signal of their own: the first that fails stops the others, and is thrown when all have ended.
export async function together(count, signal, sender) {
  const stop = new AbortController();
  const pass = () => stop.abort(signal.reason);
  signal.addEventListener('abort', pass, { once: true });
  let first;
  const one = async () => {
    try {
      await sender(stop.signal);
    } catch (error) {
      first ??= { error };
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: count }, one));
  signal.removeEventListener('abort', pass);
  if (first) throw first.error;
}

const Base = globalThis.HTMLElement ?? class {};

export class RgUpload extends Base {
  #form;
  #input;
  #parts;
  #running;
  /// File and what became of it, so that a form that was refused for its name is not uploaded again.
  #done;

  connectedCallback() {
    this.#form = this.closest('form');
    this.#input = this.querySelector('input[type="file"]');
    this.querySelector('[data-plain]')?.remove();
    this.#build();
    this.#remember();
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#running) this.#start();
    });
    addEventListener('beforeunload', (event) => this.#running && event.preventDefault());
  }

  #build() {
    const make = (tag, props) => Object.assign(document.createElement(tag), props);
    const bar = make('progress', { max: 1, value: 0, hidden: true });
    bar.setAttribute('aria-label', this.dataset.label);
    const status = make('p', { className: 'sub' });
    status.setAttribute('role', 'status');
    const fault = make('p', { className: 'fault', hidden: true });
    fault.setAttribute('role', 'alert');
    const stop = make('button', { type: 'button', className: 'btn', textContent: this.dataset.pause, hidden: true });
    const drop = make('button', { type: 'button', className: 'btn', textContent: this.dataset.cancel, hidden: true });
    stop.addEventListener('click', () => (this.#running ? this.#running.abort() : this.#start()));
    drop.addEventListener('click', () => this.#giveUp());
    this.append(bar, status, fault, stop, drop);
    this.#parts = { bar, status, fault, stop, drop };
  }

  /// Says which file was begun and not finished.
  #remember() {
    for (const key of Object.keys(localStorage).filter((key) => key.startsWith(KEPT))) {
      const { at } = JSON.parse(localStorage.getItem(key));
      if (Date.now() - at > KEPT_MS) {
        localStorage.removeItem(key);
        continue;
      }
      const name = key.slice(KEPT.length).split(':').slice(2).join(':');
      this.#parts.status.textContent = this.dataset.again.replace('{name}', name);
    }
  }

  #show(text, done, all) {
    const { bar, status } = this.#parts;
    bar.hidden = false;
    if (all) {
      bar.value = done / all;
      // Not at every chunk: whoever listens would hear nothing else.
      const shown = this.dataset.progress.replace('{done}', size(done)).replace('{all}', size(all));
      if (status.textContent !== shown) status.textContent = shown;
    } else {
      status.textContent = text;
    }
  }

  async #start() {
    const file = this.#input.files[0];
    if (!file || !this.#form.reportValidity()) return;
    const { fault, stop, drop } = this.#parts;
    const running = new AbortController();
    this.#running = running;
    fault.hidden = true;
    stop.hidden = drop.hidden = false;
    stop.textContent = this.dataset.pause;
    try {
      if (this.#done?.key !== keyOf(file)) {
        this.#done = { key: keyOf(file), id: await this.#upload(file, running.signal) };
      }
      const body = { ...said(this.#form.elements), file: this.#done.id };
      const made = await ask(this.#form.getAttribute('action'), 'POST', body, running.signal);
      this.#running = undefined;
      location.assign(`${this.dataset.page}${made.id}`);
    } catch (error) {
      this.#running = undefined;
      if (running.signal.aborted) {
        stop.textContent = this.dataset.resume;
        this.#show(this.dataset.paused);
        return;
      }
      stop.hidden = true;
      this.#parts.bar.hidden = true;
      this.#parts.status.textContent = '';
      if (error.fields?.file && this.#done) {
        drop.hidden = true;
        // What is no image is of no use to anybody.
        const file = `${this.dataset.uploads.replace(/\/uploads$/, '')}/${this.#done.id}`;
        this.#done = undefined;
        await ask(file, 'DELETE').catch(() => {});
      }
      fault.textContent = Object.values(error.fields ?? {}).join(' ') || error.message || this.dataset.failed;
      fault.hidden = false;
    }
  }

  /// Everything of the file that is not there yet; its id when it is checked.
  async #upload(file, signal) {
    const key = keyOf(file);
    let upload = await this.#begun(key, signal);
    if (!upload) {
      const { uploads, purpose } = this.dataset;
      upload = await this.#trying(signal, () => ask(uploads, 'POST', { name: file.name, size: file.size, purpose }, signal));
      localStorage.setItem(key, JSON.stringify({ id: upload.id, at: Date.now() }));
    }
    if (upload.state === 'open') await this.#send(file, upload, signal);
    const path = `${this.dataset.uploads}/${upload.id}`;
    this.#show(this.dataset.checking);
    let view = await this.#trying(signal, () => ask(`${path}/complete`, 'POST', {}, signal));
    while (view.state === 'assembling') {
      await wait(1_000, signal);
      view = await this.#trying(signal, () => ask(path, 'GET', undefined, signal));
    }
    localStorage.removeItem(key);
    if (view.state !== 'done') throw new Refusal(this.dataset.hash, {}, 0);
    return view.file;
  }

  /// The chunks that are not there yet.
  async #send(file, upload, signal) {
    const path = `${this.dataset.uploads}/${upload.id}`;
    const left = missing(upload);
    let sent = upload.receivedBytes;
    this.#show('', sent, upload.size);
    await together(AT_ONCE, signal, async (signal) => {
      for (let n = left.shift(); n !== undefined; n = left.shift()) {
        const chunk = file.slice(n * upload.chunkSize, Math.min((n + 1) * upload.chunkSize, file.size));
        const headers = await hash(chunk);
        await this.#trying(signal, () => ask(`${path}/chunks/${n}`, 'PUT', chunk, signal, headers));
        sent += chunk.size;
        this.#show('', sent, upload.size);
      }
    });
  }

  /// An upload of the same file that was begun before.
  async #begun(key, signal) {
    const kept = localStorage.getItem(key);
    if (!kept) return null;
    const path = `${this.dataset.uploads}/${JSON.parse(kept).id}`;
    const upload = await goneOn(() => this.#trying(signal, () => ask(path, 'GET', undefined, signal)));
    // What was given up takes nothing more: it is begun anew.
    if (upload && upload.state !== 'aborted') return upload;
    localStorage.removeItem(key);
    return null;
  }

  #trying(signal, once) {
    return trying(signal, once, () => this.#show(this.dataset.retrying));
  }

  async #giveUp() {
    this.#running?.abort();
    const file = this.#input.files[0];
    const kept = file && localStorage.getItem(keyOf(file));
    if (kept) {
      localStorage.removeItem(keyOf(file));
      await ask(`${this.dataset.uploads}/${JSON.parse(kept).id}`, 'DELETE').catch(() => {});
    }
    location.reload();
  }
}

globalThis.customElements?.define('rg-upload', RgUpload);
