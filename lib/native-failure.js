'use strict';

// Why there is no engine, for somebody who has never heard of native code: what is wrong, on which system, and what to do.

const { readdirSync } = require('node:fs');
const { createRequire } = require('node:module');
const { OLDEST_GLIBC, PLATFORMS, packageOf } = require('./platforms.js');

/** A file given by its path goes before all packages. */
const OVERRIDE = 'NAPI_RS_NATIVE_LIBRARY_PATH';

const REINSTALL = 'delete node_modules and run `npm install` on this machine';

/** What the generated loader threw as it found nothing that works: in a sentence, and what lies behind that, if it says more. */
function explainMissing(error) {
  const system = readSystem();
  const failures = failuresIn(error);
  const message = `${reason(
    system,
    failures.map(({ message }) => message),
  )} (${inWords(system)})`;
  return {
    message,
    cause: failures.find((failure) => !isNotFound(failure.message) && !isUnsupported(failure.message)),
  };
}

/** The engine is of another version than the rest of the package. */
function explainMismatch(found, expected) {
  const engine =
    found === undefined ? 'something that is not the engine of kimdb' : `the engine of kimdb ${found}`;
  const override = readOverride();
  if (override) {
    return `${OVERRIDE} names ${engine}, '${override}', and this is kimdb ${expected}: unset it, or set it to an engine of this version.`;
  }
  return `kimdb ${expected} has loaded ${engine}, so the installation is mixed up: ${REINSTALL}. In a clone of the repository: npm run build.`;
}

function reason(system, failures) {
  const override = readOverride();
  if (override) {
    const why = firstLine(failures.at(-1) ?? 'no reason is known');
    return `${OVERRIDE} is set to '${override}', which cannot be loaded: ${why}. Unset it to use the installed engine, or set it to a file that fits.`;
  }
  const wanted = PLATFORMS.find(({ name }) => name === system.platform);
  if (wanted === undefined) {
    const names = PLATFORMS.map(({ name }) => name).join(', ');
    return `There is no ready-made engine of kimdb for ${system.platform}, only for ${names}: use one of these systems, or build kimdb from its sources.`;
  }
  const broken = failures.find((message) => !isNotFound(message));
  return broken === undefined ? explainNotFound(packageOf(wanted)) : explainBroken(system, firstLine(broken));
}

function explainNotFound(wanted) {
  const installed = PLATFORMS.map(packageOf).filter(isInstalled);
  if (installed.includes(wanted)) {
    return `The package ${wanted} is installed, but its .node file is missing: ${REINSTALL}.`;
  }
  const missing = `The native engine of kimdb is not installed: the package ${wanted} is missing`;
  if (installed.length > 0) {
    return `${missing}, and there is ${installed.join(', ')} for another system. node_modules was made elsewhere: ${REINSTALL}.`;
  }
  return (
    `${missing}. It comes with kimdb by itself, unless optional dependencies are left out (--omit=optional, --no-optional): ` +
    `${REINSTALL}, without these. If it is missing again, delete package-lock.json too: older versions of npm may have left it ` +
    `out there. A bundler has to leave kimdb out of the bundle (external). In a clone of the repository: npm run build.`
  );
}

/** The file is there, but the operating system refuses it. */
function explainBroken({ glibc }, message) {
  if (message.includes('GLIBC_')) {
    const found = glibc === undefined ? '' : `, and this system has ${glibc}`;
    return `kimdb needs glibc ${OLDEST_GLIBC} or newer${found}: use a newer system (Debian 10, Ubuntu 20.04, RHEL 8 or newer). The system says: ${message}.`;
  }
  if (message.startsWith('Requires ')) {
    return `Deno does not let kimdb load its engine, for which it needs --allow-ffi, --allow-read and --allow-env. Deno says: ${message}.`;
  }
  if (message.includes('loading addons is disabled')) {
    return `kimdb's engine is an addon, and Node.js was told to load none: start it without --no-addons, or with --allow-addons where it runs with --permission.`;
  }
  return `The native engine of kimdb is installed, but cannot be loaded: ${message}. It may be damaged or made for another system: ${REINSTALL}.`;
}

/** What the generated loader met at each place where it looked, the last first. It chains them below an error of its own. */
function failuresIn(error) {
  const failures = [];
  for (let { cause } = error; cause instanceof Error; cause = cause.cause) failures.push(cause);
  // Each by itself: what was not found elsewhere would be told below it.
  for (const failure of failures) delete failure.cause;
  return failures.length > 0 ? failures : [error];
}

const isNotFound = (message) => /^Cannot find (module|package)/i.test(message);

const isUnsupported = (message) => message.startsWith('Unsupported ');

const firstLine = (text) => text.split('\n')[0].replace(/\.$/, '');

function readOverride() {
  try {
    return process.env[OVERRIDE];
  } catch {
    // Deno, without --allow-env.
    return undefined;
  }
}

function isInstalled(name) {
  try {
    createRequire(__filename).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

function readSystem() {
  const { platform: os, arch } = process;
  if (os === 'win32') return { platform: `${os}-${arch}-msvc` };
  if (os !== 'linux') return { platform: `${os}-${arch}` };
  const { header } = readReport();
  const isMusl = header === undefined ? hasMusl() : header.glibcVersionRuntime === undefined;
  return { platform: `${os}-${arch}-${isMusl ? 'musl' : 'gnu'}`, glibc: header?.glibcVersionRuntime };
}

/** Says which C library Node.js runs on. Other runtimes may have no such report, or not allow it. */
function readReport() {
  try {
    // Names of hosts would be looked up, which may take long.
    process.report.excludeNetwork = true;
    return process.report.getReport();
  } catch {
    return {};
  }
}

function hasMusl() {
  try {
    return readdirSync('/lib').some((name) => name.startsWith('ld-musl-'));
  } catch {
    return false;
  }
}

function inWords({ platform, glibc }) {
  const { bun, deno } = process.versions;
  const runtime = bun ? `Bun ${bun}, ` : deno ? `Deno ${deno}, ` : '';
  const library = glibc === undefined ? '' : `, glibc ${glibc}`;
  return `${platform}${library}, ${runtime}Node.js ${process.versions.node}, ${process.execPath}`;
}

module.exports = { explainMissing, explainMismatch };
