// A connection that speaks HTTP/1.1 and stays open. The requests are made by hand and the answers are read by hand,
// because a client that does more would need more of the machine than the server that is measured.
import { once } from 'node:events';
import { connect } from 'node:net';
import { SESSION_BYTES, sessionId } from './session.mjs';

const HEAD_END = '\r\n\r\n';

export class HttpConnection {
  /** Called with each answer: what failed, or the text of what was read. */
  onAnswer = () => undefined;
  #socket;
  #readRequest;
  #writeHead;
  #received = '';
  #closed;

  static async open(port, number) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new HttpConnection(socket, port, number);
  }

  constructor(socket, port, number) {
    const path = `/sessions/${sessionId(number)} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n`;
    this.#readRequest = `GET ${path}\r\n`;
    this.#writeHead = `PUT ${path}content-type: application/json\r\ncontent-length: ${SESSION_BYTES}${HEAD_END}`;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#receive(text));
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the server closed the connection'));
  }

  read() {
    this.#send(this.#readRequest);
  }

  write(text) {
    this.#send(this.#writeHead + text);
  }

  #send(request) {
    if (this.#closed === undefined) this.#socket.write(request, 'latin1');
    else setImmediate(() => this.onAnswer(this.#closed));
  }

  #receive(text) {
    this.#received += text;
    const head = this.#received.indexOf(HEAD_END);
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received.slice(0, head))?.[1] ?? 0);
    const end = head + HEAD_END.length + length;
    if (this.#received.length < end) return;
    const status = this.#received.slice(9, 12);
    const body = this.#received.slice(head + HEAD_END.length, end);
    const rest = this.#received.slice(end);
    this.#received = '';
    if (rest !== '') this.onAnswer(`more came than the answer: ${rest}`);
    else if (status === '200' || status === '204') this.onAnswer(undefined, body);
    else this.onAnswer(`status ${status}: ${body}`);
  }

  #end(reason) {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.onAnswer(reason);
  }
}
