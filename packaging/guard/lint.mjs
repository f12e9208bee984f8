// The two programs that know how package.json and types have to be, for Node.js, bundlers and TypeScript.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { readJson } from '../pack.mjs';

/** @returns {Promise<string[]>} what publint complains about */
export async function checkWithPublint(file) {
  const bytes = readFileSync(file);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

/** @returns {string[]} what are-the-types-wrong complains about */
export function checkWithAttw(file) {
  const manifest = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json');
  const bin = join(dirname(manifest), readJson(manifest).bin.attw);
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, '--no-color', '--no-emoji', file], {
    encoding: 'utf8',
  });
  return status === 0 ? [] : [`are-the-types-wrong:\n${stdout}${stderr}`];
}
