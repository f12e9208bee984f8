// The documents that all drivers store.

export const COLLECTION = 'bench';

/** Those of the bulk example in the API document: about 13 bytes of JSON. */
export const seedId = (i) => `id_${i}`;
export const seedDocument = (i) => ({ value: i });

// Making a document takes as long as storing one in some drivers, so these are made before the clock starts and
// used in turn.
const VARIETY = 1000;
export const SMALL_BYTES = 200;

const smallDocuments = Array.from({ length: VARIETY }, (_, i) => makeSmall(i));
/** A document of exactly SMALL_BYTES bytes of JSON. */
export const smallDocument = (i) => smallDocuments[i % VARIETY];

/** A document as YCSB has them, ten fields of 100 characters, and a counter. */
export function wideDocument(i) {
  const document = { counter: 0 };
  for (let field = 0; field < 10; field++) {
    document[`field${field}`] = `${i}.${field}.`.padEnd(100, 'abcdefghijklmnopqrstuvwxyz');
  }
  return document;
}

function makeSmall(i) {
  const document = {
    name: `User ${i}`,
    email: `user${i}@example.com`,
    age: 18 + (i % 70),
    active: i % 3 !== 0,
    balance: i * 1.25,
    tags: ['customer', 'newsletter'],
    note: '',
  };
  document.note = 'x'.repeat(SMALL_BYTES - JSON.stringify(document).length);
  return document;
}
