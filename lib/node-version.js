'use strict';

// Refuses a Node.js that is too old. Loaded before everything else and written in old words, because such a Node.js may
// not even be able to read the rest.

const OLDEST = 20;

const found = process.versions.node;

if (Number.parseInt(found, 10) < OLDEST) {
  const message =
    'kimdb needs Node.js ' +
    OLDEST +
    ' or newer, and this is Node.js ' +
    found +
    ': install a newer one from https://nodejs.org, then run npm install again.';
  throw Object.assign(new Error(message), { name: 'KimDBError', code: 'KIMDB_NO_BINDING' });
}
