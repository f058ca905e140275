// node compress.mjs FILE…: lays what browsers rather take beside every file, FILE.br and FILE.gz. Brotli's own encoder makes the
// wasm three hundred bytes smaller than the one in Rust.
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

for (const file of process.argv.slice(2)) {
  const bytes = readFileSync(file);
  // What suits a file best nobody knows beforehand: most distances in a wasm are multiples of something, and a smaller window
  // is told apart in fewer bits.
  const tries = [20, 22].flatMap((window) => [0, 2, 3].map((postfix) => ({
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: window,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    [constants.BROTLI_PARAM_NPOSTFIX]: postfix,
  })));
  const packed = tries.map((params) => brotliCompressSync(bytes, { params }));
  writeFileSync(`${file}.br`, packed.reduce((best, one) => (one.length < best.length ? one : best)));
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
}
