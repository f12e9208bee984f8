// A WebSocket connection.
import { once } from 'node:events';
import WebSocket from 'ws';
import { sessionId } from './session.mjs';

export class SocketConnection {
  /** Called with each answer: what failed, or the text of what was read. */
  onAnswer = () => undefined;
  #socket;
  #readRequest;
  #writeHead;
  #isWriting = false;
  #closed;

  static async open(port, number) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await once(socket, 'open');
    return new SocketConnection(socket, number);
  }

  constructor(socket, number) {
    this.#readRequest = JSON.stringify({ id: sessionId(number) });
    this.#writeHead = `${this.#readRequest.slice(0, -1)},"data":`;
    this.#socket = socket;
    socket.on('message', (message) => this.#receive(message.latin1Slice()));
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the server closed the connection'));
  }

  read() {
    this.#isWriting = false;
    this.#send(this.#readRequest);
  }

  write(text) {
    this.#isWriting = true;
    this.#send(`${this.#writeHead}${text}}`);
  }

  #send(request) {
    if (this.#closed === undefined) this.#socket.send(request);
    else setImmediate(() => this.onAnswer(this.#closed));
  }

  #receive(text) {
    const isGood = this.#isWriting ? text === 'stored' : text.startsWith('{');
    if (isGood) this.onAnswer(undefined, text);
    else this.onAnswer(text);
  }

  #end(reason) {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.onAnswer(reason);
  }
}
