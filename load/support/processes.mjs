// Starts the server and the client, each in a process of its own, and gives them orders.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** More than any order takes beyond its own seconds, unless it hangs. */
const PATIENCE_MS = 5 * 60_000;

export class Helper {
  #child;
  #name;
  #waiting;
  #onSample;

  /** @param {string} name the folder that has its main.mjs */
  constructor(name, onSample = () => undefined) {
    this.#name = name;
    this.#onSample = onSample;
    const program = fileURLToPath(new URL(`../${name}/main.mjs`, import.meta.url));
    // What a store prints is not part of the report.
    this.#child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (message) => this.#receive(message));
    this.#child.on('error', (error) => this.#waiting?.reject(error));
    this.#child.on('exit', (code, signal) => {
      const how = signal ?? `code ${code}`;
      this.#waiting?.reject(new Error(`the ${name} ended with ${how} before it had done what it was to do`));
    });
  }

  /** Gives an order and waits for the answer. */
  order(what, details = {}) {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`the ${this.#name} did not answer the order '${what}'`));
      const timer = setTimeout(late, (details.seconds ?? 0) * 1000 + PATIENCE_MS);
      const settle = (end) => (value) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        end(value);
      };
      this.#waiting = { resolve: settle(resolve), reject: settle(reject) };
      if (this.#child.connected) this.#child.send({ do: what, ...details });
      else this.#waiting.reject(new Error(`the ${this.#name} is gone`));
    });
  }

  #receive({ sample, answer, error }) {
    if (sample) this.#onSample(sample);
    else if (error) this.#waiting?.reject(new Error(error));
    else this.#waiting?.resolve(answer);
  }

  /** Ends it, whatever it is doing. */
  end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.kill('SIGKILL');
    });
  }
}
