// Bundles the custom elements: `node build.mjs OUTDIR` writes OUTDIR/rg-chart.js, rg-loads.js, rg-logs.js, rg-player.js, rg-shell.js, rg-terminal.js and rg-upload.js. Names get their hash from `cargo xtask`.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [outdir] = process.argv.slice(2);
if (!outdir) {
  console.error('usage: node build.mjs OUTDIR');
  process.exit(2);
}
// xterm.js writes style elements and style attributes, which the pages' policy refuses: sheets that scripts adopt and
// properties are the same to a browser. Another version may write them otherwise: then nothing is built.
const adopted = path.resolve(path.dirname(fileURLToPath(import.meta.url)), 'src/adopted.js');
const xtermStyles = {
  name: 'xterm-styles',
  setup({ onLoad }) {
    onLoad({ filter: /@xterm\/xterm\/lib\/xterm\.mjs$/ }, ({ path: file }) => {
      let text = fs.readFileSync(file, 'utf8');
      const replace = (count, pattern, by) => {
        const found = text.match(pattern)?.length ?? 0;
        if (found !== count) throw new Error(`${file}: ${found} places like ${pattern}, not ${count}`);
        text = text.replace(pattern, by);
      };
      replace(3, /([\w.]+)\.createElement\("style"\)/g, 'rgStyleElement($1)');
      replace(1, /_addStyle\((\w+),(\w+)\)\{[^}]*\}[^}]*\}[^}]*\}/g, '_addStyle($1,$2){$1.style.cssText+=$2+";"}');
      return { contents: `import { styleElement as rgStyleElement } from ${JSON.stringify(adopted)};\n${text}`, loader: 'js' };
    });
  },
};
await build({
  absWorkingDir: path.dirname(fileURLToPath(import.meta.url)),
  entryPoints: ['src/rg-chart.js', 'src/rg-loads.js', 'src/rg-logs.js', 'src/rg-player.js', 'src/rg-shell.js', 'src/rg-terminal.js', 'src/rg-upload.js'],
  outdir: path.resolve(outdir),
  bundle: true,
  plugins: [xtermStyles],
  // A page may load no style but its own sheet and what scripts adopt: see rg-terminal.js.
  loader: { '.css': 'text' },
  format: 'esm',
  minify: true,
  target: ['chrome120', 'firefox121', 'safari17.2'],
  legalComments: 'eof',
  logLevel: 'warning',
});
