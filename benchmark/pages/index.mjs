// Puts the figures of a full run into the documentation: what stands between two marks of a page is replaced.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { performanceSections } from './performance.mjs';
import { readmeSection } from './readme.mjs';

const PAGES = {
  'docs/performance.md': performanceSections,
  'README.md': (report) => ({ summary: readmeSection(report, 'en') }),
  'README.ko.md': (report) => ({ summary: readmeSection(report, 'ko') }),
};

export function writePages(report) {
  for (const [file, text] of fillPages(report)) {
    writeFileSync(file, text);
    console.log(`Written: ${file}`);
  }
}

/** Makes the pages and throws them away: fails where the documentation has lost a mark. */
export function previewPages(report) {
  fillPages(report);
}

function fillPages(report) {
  return Object.entries(PAGES).map(([name, sectionsOf]) => {
    const file = fileURLToPath(new URL(`../../${name}`, import.meta.url));
    let text = readFileSync(file, 'utf8');
    for (const [section, content] of Object.entries(sectionsOf(report))) {
      text = replaceSection(name, text, section, content);
    }
    return [file, text];
  });
}

function replaceSection(name, text, section, content) {
  const [from, to] = [`<!-- benchmark ${section} -->`, `<!-- end of benchmark ${section} -->`];
  const start = text.indexOf(from);
  const end = text.indexOf(to);
  if (start < 0 || end < start)
    throw new Error(`${name} has no place for '${section}' between ${from} and ${to}`);
  return `${text.slice(0, start + from.length)}\n\n${content.trim()}\n\n${text.slice(end)}`;
}
