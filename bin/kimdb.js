#!/usr/bin/env node
'use strict';

try {
  require('../lib/node-version.js');
  require('../lib/cli/main.js').main(process.argv);
} catch (error) {
  // Only loading fails here; what commands throw, main explains.
  if (error.code !== 'KIMDB_NO_BINDING') throw error;
  process.stderr.write(`kimdb: ${error.message} (${error.code})\n`);
  process.exitCode = 2;
}
