'use strict';

// Read access to the SQLite file of one shard. It sees what has been flushed.

const { describe, messageOf, rangeError, typeError } = require('./errors.js');
const { callOption } = require('./options.js');
const { keep, lostReceiver } = require('./receiver.js');

/** Of an integer in SQLite. */
const SQLITE_BITS = 64;

const KEPT = Symbol('ShardHandle');

class ShardHandle {
  /** The path of the shard's file. */
  name;

  constructor(engine, index) {
    this.name = engine.invoke('shardPath', index);
    keep(this, KEPT, (method, ...values) => objects(engine.invoke(method, index, ...values)));
  }

  /** A query. It runs, and can fail, when `all` or `get` is called. */
  prepare(sql) {
    const rowsOf = callsOf(this);
    checkText(sql, 'sql');
    return {
      all: (...params) => rowsOf('shardQuery', sql, checked(params)),
      get: (...params) => rowsOf('shardQueryFirst', sql, checked(params))[0],
    };
  }

  /** The rows of a PRAGMA, or with `simple` the first column of the first row. */
  pragma(text, options) {
    const rowsOf = callsOf(this);
    checkText(text, 'pragma');
    const isSimple = callOption(options, 'simple');
    const rows = rowsOf('shardPragma', text);
    if (!isSimple) return rows;
    return rows.length === 0 ? undefined : Object.values(rows[0])[0];
  }
}

/** The native calls for the handle's shard, which answer with rows. */
function callsOf(handle) {
  const kept = handle?.[KEPT];
  if (kept === undefined) throw lostReceiver('shard');
  return kept();
}

/** The rows as objects. The cells of all of them come in one list. */
function objects({ columns, cells }) {
  const rows = [];
  for (let i = 0; i < cells.length; i += columns.length) {
    const row = {};
    for (const [column, name] of columns.entries()) put(row, name, cells[i + column]);
    rows.push(row);
  }
  return rows;
}

function put(row, name, value) {
  if (name === '__proto__') {
    Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
  } else row[name] = value;
}

function checkText(text, where) {
  if (typeof text !== 'string' || text === '') {
    throw typeError('KIMDB_INVALID_QUERY', `${where} must be a non-empty string, got ${describe(text)}`);
  }
  // SQLite would pass over what comes behind a NUL.
  if (text.includes('\0')) throw typeError('KIMDB_INVALID_QUERY', `${where} must have no NUL`);
}

/** Values for the question marks, one by one or as one array. */
function checked(params) {
  // A copy: Node-API takes no proxy for a list, and a getter could give something else the next time. In the copy, holes of a list are undefined.
  const values = params.length === 1 && Array.isArray(params[0]) ? listOf(params[0]) : params;
  values.forEach((value, i) => {
    const must = (what) => `parameter ${i + 1} must ${what}, got ${describe(value)}`;
    if (!isBindable(value)) {
      throw typeError('KIMDB_INVALID_QUERY', must('be a string, number, bigint or null'));
    }
    if (typeof value === 'bigint' && BigInt.asIntN(SQLITE_BITS, value) !== value) {
      throw rangeError('KIMDB_INVALID_QUERY', must(`fit ${SQLITE_BITS} bits`));
    }
  });
  return values;
}

function listOf(values) {
  try {
    return Array.from(values);
  } catch (cause) {
    throw typeError('KIMDB_INVALID_QUERY', `parameters could not be read: ${messageOf(cause)}`, cause);
  }
}

const isBindable = (value) => value === null || ['string', 'number', 'bigint'].includes(typeof value);

module.exports = { ShardHandle };
