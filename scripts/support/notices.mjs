// The text that goes with each compiled engine: whose work is in it, and under which licenses, as those ask for it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { output, root } from './command.mjs';
import { PLATFORMS } from './platforms.mjs';
import { fail } from './terminal.mjs';

/** Its name, in the repository and in the packages. */
export const NOTICES = 'THIRD-PARTY.txt';

/** Crates of one repository whose packages leave its license out, under the MIT license. */
const NAPI = ['2020 LongYinan', '2018 GitHub'];
const UNSAID = { napi: NAPI, 'napi-sys': NAPI };

/** Compiled into everything that rustc makes; no lock file names them. All under the MIT license, among others. */
const STANDARD_LIBRARY = {
  name: 'The standard library of Rust, with addr2line, adler2, cfg-if, gimli, hashbrown, libc, memchr, miniz_oxide, object and rustc-demangle',
  license: 'MIT OR Apache-2.0',
  copyrights: [
    'The Rust Project Contributors (see https://thanks.rust-lang.org)',
    '2014 Alex Crichton',
    '2014-2020 The Rust Project Developers',
    '2015 Andrew Gallant',
    "2016 Amanieu d'Antras",
    '2016-2018 The gimli Developers',
    '2017 Frommi',
    '2019 The Crossbeam Project Developers',
    'Jonas Schievink',
  ],
};

const UNICODE = { name: 'Tables of characters in the standard library of Rust', license: 'Unicode-3.0' };

const HEAD = `The engine of kimdb is compiled from the sources of kimdb, which are under the MIT license, and from these.
Where a license is to be chosen, kimdb chooses the one whose text stands here.

Written by scripts/third-party.mjs.

SQLite is in the public domain: https://sqlite.org/copyright.html
`;

export function makeNotices() {
  const packages = readPackages();
  const crates = linkedCrates(packages).map(({ name, version, license, manifest_path: path }) => ({
    name: `${name} ${version}`,
    license,
    text: name in UNSAID ? mitLicense(UNSAID[name]) : licenseIn(dirname(path), name),
  }));
  const entries = [
    ...crates,
    { ...STANDARD_LIBRARY, text: mitLicense(STANDARD_LIBRARY.copyrights) },
    { ...UNICODE, text: unicodeLicense(packages) },
  ];
  const titles = new Map();
  for (const { name, license, text } of entries) {
    titles.set(text, [...(titles.get(text) ?? []), `${name} (${license})`]);
  }
  const parts = [...titles].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return [HEAD, ...parts].join(`\n${'-'.repeat(80)}\n\n`);
}

/** What cargo knows of the crates for all systems that have a package. */
function readPackages() {
  const filters = PLATFORMS.map(({ target }) => `--filter-platform=${target}`);
  const text = output('cargo', ['metadata', '--format-version=1', '--locked', ...filters]);
  if (text === undefined) fail('cargo metadata does not work; cargo says why: cargo metadata --locked');
  return JSON.parse(text);
}

/** What is compiled into the engine of any system: no tools of the build, no macros, nothing that only tests need. */
function linkedCrates({ packages, resolve }) {
  const byId = new Map(packages.map((entry) => [entry.id, entry]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const found = new Set();
  const visit = (id) => {
    if (found.has(id) || isMacro(byId.get(id))) return;
    found.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null)) visit(pkg);
    }
  };
  visit(resolve.root);
  found.delete(resolve.root);
  return [...found]
    .map((id) => byId.get(id))
    .sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
}

const isMacro = ({ targets }) => targets.some(({ kind }) => kind.includes('proc-macro'));

// Not of the language of the machine.
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** The text of the MIT license where there is a choice, else of the only one. */
function licenseIn(folder, name) {
  const files = readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file));
  const file =
    files.find((candidate) => /mit/i.test(candidate)) ?? (files.length === 1 ? files[0] : undefined);
  if (file === undefined) {
    fail(
      `Which license ${name} is under is not clear from ${folder}: name its owners in scripts/support/notices.mjs.`,
    );
  }
  return readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
}

/** rustc comes without its text; a crate that the build needs has it. */
function unicodeLicense({ packages }) {
  const { manifest_path: path } = packages.find(({ name }) => name === 'unicode-ident');
  return readFileSync(join(dirname(path), 'LICENSE-UNICODE'), 'utf8')
    .replaceAll('\r\n', '\n')
    .trim();
}

/** That of kimdb, with other owners. */
function mitLicense(copyrights) {
  const lines = copyrights.map((owner) => `Copyright (c) ${owner}`).join('\n');
  return readFileSync(join(root, 'LICENSE'), 'utf8')
    .trim()
    .replace(/^Copyright .*$/m, lines);
}
