// The limit of memory: the JSON bytes of each document are copied into a ring and nothing else is done.
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { seedDocument, smallDocument } from '../support/documents.mjs';

export const title = 'limit: memcpy';
export const version = process.versions.node;
export const settings = 'Buffer.copy of JSON bytes that were made before, around a ring of 64 MiB';

const VARIETY = 1000;

function copy(count, documentOf) {
  const documents = Array.from({ length: VARIETY }, (_, i) => Buffer.from(JSON.stringify(documentOf(i))));
  const ring = Buffer.alloc(64 * 1024 * 1024);
  let at = 0;
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const document = documents[i % VARIETY];
    if (at + document.length > ring.length) at = 0;
    at += document.copy(ring, at);
  }
  return [{ line: 'acknowledged', operations: count, milliseconds: performance.now() - start }];
}

export const measures = {
  seed: ({ count }) => copy(count, seedDocument),
  docs: ({ count }) => copy(count, smallDocument),
};
