'use strict';

// Options: defaults, checks, and the form in which the engine gets them.

const path = require('node:path');
const { describe, messageOf, rangeError, typeError } = require('./errors.js');
const { warnOfUnknown } = require('./unknown-options.js');

const CODE = 'KIMDB_INVALID_OPTION';
const MIB = 1024 * 1024;
const MAX_INT32 = 2 ** 31 - 1;
const MAX_SHARDS = 1024;

/** Every option with its default and its check. The first eight are those of kimdb 7. */
const OPTIONS = {
  dbPath: { fallback: './data/hyperscale.db', check: checkBase },
  shardCount: { fallback: 8, check: integer(1, MAX_SHARDS) },
  bufferSize: { fallback: 10000, check: integer(1, MAX_INT32) },
  flushInterval: { fallback: 100, check: integer(1, MAX_INT32) },
  batchSize: { fallback: 1000, check: integer(1, MAX_INT32) },
  safeMode: { fallback: true, check: checkBoolean },
  walPath: { fallback: './data/buffer.wal', check: checkPath },
  syncReads: { fallback: false, check: checkBoolean },
  walSize: { fallback: 64 * MIB, check: integer(MIB, 2 ** 40) },
  walBackend: { fallback: 'auto', check: oneOf('auto', 'mmap', 'pwrite') },
  cacheBytes: { fallback: 64 * MIB, check: integer(0, Number.MAX_SAFE_INTEGER) },
  writeTimeout: { fallback: 30000, check: integer(1, MAX_INT32) },
  exclusive: { fallback: false, check: checkBoolean },
  logger: { fallback: undefined, check: checkLogger },
};
const NAMES = Object.keys(OPTIONS);

function integer(min, max) {
  return (name, value) => {
    const accepted = `an integer from ${min} to ${max}`;
    if (typeof value !== 'number') throw wrongType(name, accepted, value);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw wrongValue(name, accepted, value);
    }
  };
}

function oneOf(...values) {
  const accepted = values.map((value) => `'${value}'`).join(', ');
  return (name, value) => {
    if (typeof value !== 'string') throw wrongType(name, accepted, value);
    if (!values.includes(value)) throw wrongValue(name, accepted, value);
  };
}

function checkBoolean(name, value) {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value);
}

function checkPath(name, value) {
  if (typeof value !== 'string') throw wrongType(name, 'a string, the path of a file', value);
  if (value === '') throw wrongValue(name, 'the path of a file', value);
  if (value.includes('\0')) throw wrongValue(name, 'a path without NUL', value);
  if (/[\\/]$/.test(value)) throw wrongValue(name, 'the path of a file, not of a folder', value);
  // It would be a folder of that name below the working directory.
  if (/^file:/i.test(value)) {
    throw wrongValue(name, "a path, as fileURLToPath() of 'node:url' makes one of a URL", value);
  }
  if (!value.isWellFormed()) throw wrongValue(name, 'a path without half a surrogate pair', value);
}

/** The names of the shard files begin with what stands before '.db'. */
function checkBase(name, value) {
  checkPath(name, value);
  // SQLite's name for a database without a file, which kimdb 7 took: files of that name would outlive the program.
  if (value === ':memory:') {
    throw wrongValue(name, 'the path of a file, such as one in a temporary folder', value);
  }
  if (/(^|[\\/])\.\.?$/.test(value)) {
    throw wrongValue(name, 'the path of a file, not of a folder', value);
  }
  if (/(^|[\\/])\.db$/.test(value))
    throw wrongValue(name, "the path of a file with a name before '.db'", value);
}

function checkLogger(name, value) {
  if (value !== false && typeof value !== 'function') {
    throw wrongType(name, 'false or a function that takes a line', value);
  }
}

const sentence = (name, accepted, value) => `option '${name}' must be ${accepted}, got ${describe(value)}`;
const wrongType = (name, accepted, value) => typeError(CODE, sentence(name, accepted, value));
const wrongValue = (name, accepted, value) => rangeError(CODE, sentence(name, accepted, value));

/**
 * Checks what the user gave and completes it.
 *
 * `config` is what the user sees, `native` what the engine gets: absolute paths, and 0 as
 * `batchSize` where the user left the choice to the engine.
 */
function resolveOptions(options) {
  options = checkObject(options, NAMES);
  const config = {};
  const isDefault = {};
  for (const name of NAMES) {
    const given = readOption(options, name);
    isDefault[name] = given === undefined || given === null;
    if (!isDefault[name]) OPTIONS[name].check(name, given);
    config[name] = isDefault[name] ? OPTIONS[name].fallback : given;
  }

  const { syncReads, logger, ...native } = config;
  native.dbPath = path.resolve(config.dbPath);
  native.walPath = path.resolve(config.walPath);
  native.walPathIsDefault = isDefault.walPath;
  native.shardCountIsDefault = isDefault.shardCount;
  native.former = formerShards(config.dbPath);
  native.batchSize = isDefault.batchSize ? 0 : config.batchSize;
  return { config: Object.freeze(config), native };
}

/** What `options` of a call says to its one option, or undefined. */
function callOption(options, name) {
  const value = readOption(checkObject(options, [name]), name);
  if (value === undefined || value === null) return undefined;
  checkBoolean(name, value);
  return value;
}

/** An option as it is given, which may be by a getter. */
function readOption(options, name) {
  try {
    return options[name];
  } catch (cause) {
    throw typeError(CODE, `option '${name}' could not be read: ${messageOf(cause)}`, cause);
  }
}

/** The options, if they are an object or not given. */
function checkObject(options, names) {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw typeError(CODE, `options must be an object, got ${describe(options)}`);
  }
  warnOfUnknown(options, names);
  return options;
}

/**
 * Where kimdb 7 kept the shards if not where they are now: it put `_shard<i>` in front of the first
 * '.db' of the path, and where there is none, all shards were one file. One path, or what stands
 * before and after the number.
 */
function formerShards(dbPath) {
  const at = dbPath.indexOf('.db');
  if (at < 0) return [path.resolve(dbPath)];
  if (at === dbPath.length - '.db'.length) return undefined;
  // No path has a NUL in it, so one can stand for the number.
  return path.resolve(`${dbPath.slice(0, at)}_shard\0${dbPath.slice(at)}`).split('\0');
}

/**
 * The options of the engine that is running. They differ from what this instance asked for where
 * another instance opened the database first, or where the default log belongs to another database.
 */
function effectiveConfig(config, asked, effective) {
  const merged = { ...config };
  for (const name of NAMES) {
    if (effective[name] !== undefined && effective[name] !== asked[name]) {
      merged[name] = effective[name];
    }
  }
  // The path is the same file, however the engine spells it.
  merged.dbPath = config.dbPath;
  if (merged.batchSize === 0) merged.batchSize = OPTIONS.batchSize.fallback;
  return Object.freeze(merged);
}

module.exports = { MAX_SHARDS, resolveOptions, effectiveConfig, callOption, checkObject };
