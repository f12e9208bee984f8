// One connection and its session. One request is on its way at a time; what is due meanwhile waits, and its time
// counts from when it was due.
import { sessionText } from './session.mjs';

/** @typedef {(kind: 'read' | 'write', latencyMs: number, problem?: { wrong?: string, failed?: string }) => void} OnAnswer */

export class User {
  #number;
  #connection;
  #onAnswer;
  /** What is to be sent: { kind, due }. The first is on its way. */
  #requests = [];
  #sequence = 0;
  /** What a read has to give: the text of the newest write that was acknowledged. */
  #stored;
  /** What the write on its way stores. */
  #writing;

  /** @param {OnAnswer} onAnswer called once for each request */
  constructor(number, connection, onAnswer) {
    this.#number = number;
    this.#connection = connection;
    this.#onAnswer = onAnswer;
    connection.onAnswer = (error, text) => this.#receive(error, text);
  }

  ask(kind, due) {
    this.#requests.push({ kind, due });
    if (this.#requests.length === 1) this.#send();
  }

  #send() {
    if (this.#requests[0].kind === 'read') return this.#connection.read();
    this.#sequence += 1;
    this.#writing = sessionText(this.#number, this.#sequence);
    return this.#connection.write(this.#writing);
  }

  #receive(error, text) {
    if (this.#requests.length === 0) return;
    const { kind, due } = this.#requests.shift();
    const problem = error ? { failed: error } : this.#judge(kind, text);
    if (kind === 'write') this.#stored = error ? undefined : this.#writing;
    this.#onAnswer(kind, performance.now() - due, problem);
    if (this.#requests.length > 0) this.#send();
  }

  /** Read-your-writes. After a write that failed nobody knows what is stored, until the next one. */
  #judge(kind, text) {
    if (kind === 'write' || this.#stored === undefined || text === this.#stored) return undefined;
    return { wrong: `connection ${this.#number} had stored ${this.#stored}, and read ${text}` };
  }
}
