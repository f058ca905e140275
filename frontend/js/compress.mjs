// node compress.mjs FILE…: lays what browsers rather take beside every file, FILE.br and FILE.gz. Brotli's own encoder makes the
// wasm three hundred bytes smaller than the one in Rust.
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

for (const file of process.argv.slice(2)) {
  const bytes = readFileSync(file);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    // Most distances in a wasm are multiples of something.
    [constants.BROTLI_PARAM_NPOSTFIX]: file.endsWith('.wasm') ? 3 : 0,
  };
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
}
