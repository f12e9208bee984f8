// Starts the loading process and kills it in the middle of its work.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ledger } from './ledger.mjs';

const victim = fileURLToPath(new URL('victim.mjs', import.meta.url));

/** @returns {Promise<number>} how many writes had been acknowledged when the process died */
export async function loadAndKill({ dbPath, walPath, ledgerPath, killAt, progress }) {
  closeSync(openSync(ledgerPath, 'w'));
  const ledger = new Ledger(ledgerPath, 'r');
  const child = spawn(process.execPath, [victim, dbPath, walPath, ledgerPath], { stdio: 'inherit' });
  const ended = once(child, 'exit');

  while (child.exitCode === null && ledger.read() < killAt) {
    progress.update(ledger.read());
    await pause(1);
  }
  child.kill('SIGKILL');
  const [code, signal] = await ended;
  const acknowledged = ledger.read();
  ledger.close();
  rmSync(ledgerPath);
  if (signal === null) throw new Error(`the loading process ended by itself, with code ${code}`);
  return acknowledged;
}
