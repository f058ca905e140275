// Bundles the custom elements: `node build.mjs OUTDIR` writes OUTDIR/rg-chart.js, rg-shell.js and rg-upload.js. Names get their hash from `cargo xtask`.
import { build } from 'esbuild';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [outdir] = process.argv.slice(2);
if (!outdir) {
  console.error('usage: node build.mjs OUTDIR');
  process.exit(2);
}
await build({
  absWorkingDir: path.dirname(fileURLToPath(import.meta.url)),
  entryPoints: ['src/rg-chart.js', 'src/rg-shell.js', 'src/rg-upload.js'],
  outdir: path.resolve(outdir),
  bundle: true,
  format: 'esm',
  minify: true,
  target: ['chrome120', 'firefox121', 'safari17.2'],
  legalComments: 'eof',
  logLevel: 'warning',
});
