'use strict';

// The compiled engine. binding.js is the loader that the build generates.

const { KimDBError } = require('./errors.js');

function load() {
  try {
    return require('../binding.js');
  } catch (cause) {
    const message =
      `The native engine of kimdb could not be loaded for ${process.platform}-${process.arch}: ` +
      'install kimdb again without --omit=optional, or in a clone of the repository run `npm run build`.';
    throw new KimDBError(message, { code: 'KIMDB_NO_BINDING', cause });
  }
}

module.exports = load();
