'use strict';

require('./lib/node-version.js');

const { KimDBError } = require('./lib/errors.js');
const { HyperScaleDB } = require('./lib/hyperscale-db.js');
const { SimpleDB } = require('./lib/simple-db.js');

// The module is SimpleDB itself, with the named exports as its properties, so that
// `const SimpleDB = require('kimdb')` and `const { SimpleDB } = require('kimdb')` both work.
module.exports = SimpleDB;
module.exports.default = SimpleDB;
module.exports.SimpleDB = SimpleDB;
module.exports.HyperScaleDB = HyperScaleDB;
module.exports.KimDBError = KimDBError;
