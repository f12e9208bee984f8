// Whether an engine runs on the systems that its package is for: its format, its architecture, the libraries and the glibc
// that it needs, and that it carries no symbols for debuggers.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { OLDEST_GLIBC } from '../../scripts/support/platforms.mjs';

/** Part of every Linux, or of what Node.js itself needs. */
const LIBRARIES = {
  glibc:
    /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux-(x86-64\.so\.2|aarch64\.so\.1)|libgcc_s\.so\.1)$/,
  musl: /^(libc\.so|libc\.musl-\w+\.so\.1|libgcc_s\.so\.1)$/,
};

const ELF_MACHINE = { x64: 'X86-64', arm64: 'AArch64' };
const MACH_CPU = { x64: 0x01000007, arm64: 0x0100000c };
const PE_MACHINE = { x64: 0x8664, arm64: 0xaa64 };

/** @returns {{ problems: string[], glibc?: string }} */
export function checkEngine(platform, file, content) {
  if (platform.os === 'darwin') return { problems: checkMachO(platform, content) };
  if (platform.os === 'win32') return { problems: checkPe(platform, content) };
  return checkElf(platform, file);
}

function checkElf({ cpu, libc }, file) {
  const text = readelf(file);
  if (text === undefined) return { problems: ['is no ELF file'] };
  const problems = [];
  const complain = (is, what) => is && problems.push(what);
  complain(!new RegExp(`Machine: .*${ELF_MACHINE[cpu]}`).test(text), `is not for ${cpu}`);
  complain(/\] \.symtab /.test(text), 'is not stripped');
  complain(/\] \.debug_/.test(text), 'carries debug information');
  for (const [, library] of text.matchAll(/\(NEEDED\) .*\[(.+)\]/g)) {
    complain(!LIBRARIES[libc].test(library), `needs ${library}, which a system with ${libc} may not have`);
  }
  const versions = [...text.matchAll(/Name: GLIBC_(\d+\.\d+)/g)].map(([, version]) => version).sort(byNumber);
  complain(libc === 'musl' && versions.length > 0, 'needs glibc');
  return { problems, glibc: versions.at(-1) };
}

export const isTooNew = (glibc) => byNumber(glibc, OLDEST_GLIBC) > 0;

function byNumber(a, b) {
  const [x, y] = [a, b].map((version) => version.split('.').map(Number));
  return x[0] - y[0] || x[1] - y[1];
}

function readelf(file) {
  const { status, stdout, error } = spawnSync('readelf', ['-W', '-h', '-d', '-S', '-V', file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 2 ** 26,
  });
  if (error)
    throw new Error(
      'readelf is missing; it comes with: apt install binutils, dnf install binutils, or apk add binutils',
    );
  return status === 0 ? stdout : undefined;
}

function checkMachO({ cpu }, content) {
  const is =
    content.length > 8 && content.readUInt32LE(0) === 0xfeedfacf && content.readUInt32LE(4) === MACH_CPU[cpu];
  return is ? [] : [`is no Mach-O file for ${cpu}`];
}

function checkPe({ cpu }, content) {
  const header = content.length > 0x40 ? content.readUInt32LE(0x3c) : content.length;
  const is =
    content.length > header + 6 &&
    content.toString('latin1', 0, 2) === 'MZ' &&
    content.readUInt16LE(header + 4) === PE_MACHINE[cpu];
  return is ? [] : [`is no DLL for ${cpu}`];
}
