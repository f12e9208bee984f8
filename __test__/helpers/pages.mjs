// The pages in docs/ and the README, as their tests see them.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const readFromRoot = (path) => readFileSync(`${ROOT}${path}`, 'utf8');

/** Pages that exist in both languages, without `.md`. */
export const BILINGUAL = [
  'docs/api',
  'docs/operations',
  'docs/installing',
  'docs/cli',
  'docs/migration',
  'README',
];

/** Everything that links may be in, as paths from the root. */
export function allPages() {
  const inFolder = (folder) => readdirSync(ROOT + folder).map((name) => folder + name);
  return [...inFolder(''), ...inFolder('docs/'), ...inFolder('examples/')].filter((path) =>
    path.endsWith('.md'),
  );
}

/**
 * A page in pieces: `headings` `{ level, text }`, code `blocks` `{ language, code, path }` and table `rows`
 * `{ cells, path }`, where `path` are the texts of the headings above, from the second level down.
 */
export function readPage(file) {
  const page = { headings: [], blocks: [], rows: [] };
  let path = [];
  let block;
  for (const line of readFromRoot(file).split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    const heading = /^(#+) (.+)$/.exec(line);
    if (block !== undefined) {
      if (fence === null) block.lines.push(line);
      else {
        page.blocks.push({ language: block.language, code: block.lines.join('\n'), path });
        block = undefined;
      }
    } else if (fence !== null) block = { language: fence[1], lines: [] };
    else if (heading !== null) {
      const [, { length: level }, text] = heading;
      page.headings.push({ level, text });
      path = level === 1 ? [] : [...path.slice(0, level - 2), text];
    } else if (line.startsWith('| ')) page.rows.push({ cells: line.slice(2, -2).split(' | '), path });
  }
  return page;
}

/** Code without the comments that only explain it; what it prints stays. */
export const withoutComments = (code) =>
  code
    .split('\n')
    .map((line) => line.replace(/ *(?:\/\/|#) (?!=> ).*$/, ''))
    .join('\n');

/** The lines that a program says that it prints. */
export const promisedLines = (code) => [...code.matchAll(/\/\/ => (.*)$/gm)].map(([, line]) => line);

/** Names in backticks at the start of table rows. */
export const firstNames = (rows) =>
  rows.flatMap(({ cells }) => {
    const name = /^`(\w+)`$/.exec(cells[0]);
    return name === null ? [] : [name[1]];
  });

/**
 * The programs of a page. Those that do not import go on from the first one of the page, if that is in front of all
 * chapters, else from the first one of their chapter.
 */
export function programsOf(file) {
  const openings = new Map();
  const programs = readPage(file).blocks.filter(({ language }) => language === 'js');
  return programs.map(({ code, path }) => {
    const [chapter] = path;
    if (!openings.has(chapter)) openings.set(chapter, code);
    const opening = openings.get(undefined) ?? openings.get(chapter);
    const isWhole = /^import /m.test(code);
    return { name: path.join(', ') || 'opening', source: isWhole ? code : `${opening}\n${code}` };
  });
}
