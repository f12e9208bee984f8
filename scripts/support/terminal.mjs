// What the scripts say, and how they end when something is wrong.
import process from 'node:process';

const colors = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
const paint = (code) => (text) => (colors ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint('1');
export const green = paint('32');
export const red = paint('31');
export const dim = paint('2');

/** True when the programs that a script starts should colour what they print. */
export const wantsColor = colors;

/** Announces a step: one line that stays visible between the outputs of the tools. */
export function step(text) {
  console.log(`\n${bold(`> ${text}`)}`);
}

export function say(text) {
  console.log(text);
}

const PROGRESS_MS = 30_000;
let toldProgress = Date.now();

/** How far it is: one line that is written over on a terminal, and a line now and then elsewhere. */
export function progress(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${text}`);
  else if (Date.now() - toldProgress >= PROGRESS_MS) {
    toldProgress = Date.now();
    console.log(text);
  }
}

/** Takes the line of progress away. */
export function endProgress() {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
}

/** Ends the script with a message that says what to do. */
export function fail(...lines) {
  console.error(`\n${lines.map(red).join('\n')}`);
  process.exit(1);
}

export function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
