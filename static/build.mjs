/**
 * Builds what the browser loads into vendor/ : hashed names, gzip twins, a sprite, and manifest.json.
 * Run by hatch_build.py with Node from PyPI; nothing here runs in production.
 */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = join(here, `.vendor-${process.pid}`);
const target = join(here, 'vendor');
const modules = join(here, 'node_modules');

const sha384 = (bytes) => createHash('sha384').update(bytes).digest('base64');
const shortHash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 10);
const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));

/** The policy has no `img-src data:`, so control glyphs that Web Awesome writes as data: addresses become files. */
const glyphsBecomeFiles = {
  name: 'glyphs-become-files',
  setup({ onLoad, onResolve }) {
    const glyphs = new Map();
    onLoad({ filter: /webawesome[\\/].*\.css$/ }, async ({ path }) => {
      const css = await readFile(path, 'utf8');
      const contents = css.replace(/url\('data:image\/svg\+xml;utf8,(.*?)'\)/g, (_, svg) => {
        const name = `glyph-${shortHash(svg)}.svg`;
        glyphs.set(name, svg.replace(/<!--.*?-->/g, ''));
        return `url("glyph:${name}")`;
      });
      if (/url\(['"]?data:/.test(contents)) throw new Error(`a data: address is left in ${path}`);
      return { contents, loader: 'css', resolveDir: dirname(path) };
    });
    onResolve({ filter: /^glyph:/ }, ({ path }) => ({ path: path.slice('glyph:'.length), namespace: 'glyph' }));
    onLoad({ filter: /.*/, namespace: 'glyph' }, ({ path }) => ({ contents: glyphs.get(path), loader: 'file' }));
  },
};

/** Bundle our modules and styles; returns esbuild's metafile. */
async function bundle() {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: ['js/app.js', 'js/chat.js', 'js/day.js', 'js/redact.js', 'js/upload.js', 'js/verify.js', 'js/viewer.js', 'css/app.css'],
    outdir: scratch,
    outbase: here,
    entryNames: '[name]-[hash]',
    chunkNames: 'shared-[hash]',
    assetNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['chrome125', 'firefox128', 'safari17.5'],
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [glyphsBecomeFiles],
  });
  return metafile;
}

/** One symbol a line of icons.json, drawn by Lucide, and our own mark; used as <use href="sprite#name">. */
async function sprite() {
  const names = await readJson(join(here, 'icons.json'));
  const inner = (svg) => svg.replace(/<!--.*?-->/gs, '').replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, '').replace(/\s+/g, ' ').trim();
  const symbols = await Promise.all(names.map(async (name) => {
    const body = inner(await readFile(join(modules, 'lucide-static', 'icons', `${name}.svg`), 'utf8'));
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" `
      + `stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
  }));
  const mark = inner(await readFile(join(here, 'img', 'mark.svg'), 'utf8'));
  symbols.push(`<symbol id="jit-mark" viewBox="0 0 32 32">${mark}</symbol>`);
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`;
}

/** Write `contents` under a hashed name; returns that name. */
async function place(name, contents) {
  const kind = extname(name);
  const hashed = `${basename(name, kind)}-${shortHash(contents)}${kind}`;
  await writeFile(join(scratch, hashed), contents);
  return hashed;
}

async function copyFolder(folder, files) {
  if (!existsSync(join(here, folder))) return;
  for (const name of (await readdir(join(here, folder))).sort()) {
    files[name] = { file: await place(name, await readFile(join(here, folder, name))), imports: [] };
  }
}

/** Logical name -> built file, from the metafile's entry points. */
function entries(metafile) {
  const files = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const file = relative(scratch, join(here, path));
    const name = output.entryPoint ? basename(output.entryPoint) : file;
    const imports = output.imports.filter((one) => one.kind === 'import-statement')
      .map((one) => relative(scratch, join(here, one.path)));
    files[name] = { file, imports };
  }
  return files;
}

/** The npm packages that really went into the bundle, with the digests the lock has for them. */
async function packages(metafile) {
  const lock = (await readJson(join(here, 'package-lock.json'))).packages;
  const used = new Set(['node_modules/lucide-static']);
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input.replaceAll('\\', '/'));
    if (found) used.add(found[0]);
  }
  return Promise.all([...used].sort().map(async (folder) => {
    const { name, version, license } = await readJson(join(here, folder, 'package.json'));
    const notice = (await readdir(join(here, folder))).find((file) => /^licen[cs]e/i.test(file));
    const text = notice ? await readFile(join(here, folder, notice), 'utf8') : `Licence: ${license}`;
    return { name, version, licence: license, integrity: lock[folder].integrity, text };
  }));
}

async function weigh(files) {
  for (const one of Object.values(files)) {
    const bytes = await readFile(join(scratch, one.file));
    const packed = gzipSync(bytes, { level: 9 });
    if (packed.length < bytes.length) await writeFile(join(scratch, `${one.file}.gz`), packed);
    Object.assign(one, { sha384: sha384(bytes), bytes: bytes.length, gzip: packed.length });
  }
}

async function main() {
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  const metafile = await bundle();
  const files = entries(metafile);
  files['sprite.svg'] = { file: await place('sprite.svg', await sprite()), imports: [] };
  await copyFolder('img', files);
  await copyFolder('verify', files);
  const bundled = await packages(metafile);
  const notices = bundled.map((one) => `${one.name} ${one.version}\n\n${one.text.trim()}\n`).join(`\n${'-'.repeat(80)}\n\n`);
  files['licences.txt'] = { file: await place('licences.txt', notices), imports: [] };
  await weigh(files);
  const manifest = {
    source: process.env.JIT_ASSETS_SOURCE ?? null,
    packages: bundled.map(({ text, ...one }) => one),
    files: Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  await writeFile(join(scratch, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
  await rm(target, { recursive: true, force: true });
  await rename(scratch, target);
}

try {
  await main();
} finally {
  await rm(scratch, { recursive: true, force: true });
}
