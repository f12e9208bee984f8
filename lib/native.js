'use strict';

// The compiled engine. binding.js is the loader that the build generates: it knows where the file for this system may be.

const { version } = require('../package.json');
const { KimDBError } = require('./errors.js');
const { explainMissing, explainMismatch } = require('./native-failure.js');

const refuse = (message, cause) => {
  throw new KimDBError(message, { code: 'KIMDB_NO_BINDING', cause });
};

function load() {
  try {
    return require('../binding.js');
  } catch (error) {
    const { message, cause } = explainMissing(error);
    return refuse(message, cause);
  }
}

const native = load();
if (native.VERSION !== version) refuse(explainMismatch(native.VERSION, version));

// Elsewhere the engine notices the end by itself, and later, when all that was written until then is there.
if (process.versions.bun) process.on('exit', () => native.Databases.flush());

module.exports = native;
