// The pages in which a batch crosses to the engine. From outside they show only in time and memory, so this asks the part itself; what
// is stored is in batches-documents.test.mjs and document-text.test.mjs.

import test from 'ava';
import lib from '../lib/pages.js';

const { pagesOfDocuments, pagesOfTexts, pagesOfIds } = lib;
const PAGE = 64 * 1024;
const nameOf = (place) => `documents[${place}]`;

test('pages of documents are of some 64 KB, whatever the size of the documents', (t) => {
  for (const size of [1, 200, 5000, 100_000]) {
    const documents = Array.from({ length: 20_000_000 / (size + 1000) }, (_, i) => ({
      i,
      text: 'x'.repeat(size),
    }));
    const pages = Array.from(pagesOfDocuments(documents, nameOf));
    t.deepEqual(
      pages.flatMap(({ json }) => JSON.parse(json)),
      documents,
    );
    for (const { count, json } of pages) t.is(JSON.parse(json).length, count);
    // The first is made before the size is known.
    for (const { count, json } of pages.slice(1))
      t.true(count === 1 || json.length < 1.5 * PAGE, `${json.length}`);
  }
});

test('each page is made when it is asked for', (t) => {
  let made = 0;
  const documents = Array.from({ length: 5000 }, () => ({
    get text() {
      made++;
      return 'x'.repeat(1000);
    },
  }));
  const pages = pagesOfDocuments(documents, nameOf);
  let count = 0;
  for (let i = 0; i < 5; i++) {
    count += pages.next().value.count;
    t.is(made, count);
  }
  // Alone as well: where one of a page has a toJSON(), all of it are.
  made = 0;
  const toJSON = () => {
    made++;
    return 'x'.repeat(1000);
  };
  documents.fill({ toJSON }, 0, 200);
  const alone = pagesOfDocuments(documents, nameOf);
  t.true(alone.next().value.count <= made && made <= PAGE / 1000 + 1);
});

test('texts are put together up to the size of a page, and larger ones stand alone', (t) => {
  const half = `"${'x'.repeat(PAGE / 2 - 2)}"`;
  const large = `"${'y'.repeat(3 * PAGE)}"`;
  const countsOf = (texts) => Array.from(pagesOfTexts(texts), ({ count }) => count);
  t.deepEqual(countsOf([]), []);
  t.deepEqual(countsOf([half, half, half]), [2, 1]);
  t.deepEqual(countsOf([half, large, half, half]), [1, 1, 2]);
  t.deepEqual(countsOf([large, large]), [1, 1]);
});

test('ids are put together up to the size of a page', (t) => {
  const countsOf = (ids) => Array.from(pagesOfIds(ids), ({ count }) => count);
  t.deepEqual(countsOf([]), []);
  t.deepEqual(countsOf(['x'.repeat(PAGE), 'y', 'z']), [1, 2]);
  t.deepEqual(countsOf(Array(PAGE + 1).fill('x')), [PAGE, 1]);
});

test('a document without a JSON form is named by its place', (t) => {
  const documents = [...Array(500).fill(1), undefined];
  const error = t.throws(() => Array.from(pagesOfDocuments(documents, nameOf)), {
    code: 'KIMDB_INVALID_DATA',
  });
  t.regex(error.message, /^documents\[500\] must be/);
});
