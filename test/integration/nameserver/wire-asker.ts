import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { MessageFramer } from '../../../src/nameserver/message-framer.ts';
import { queryFor, uint16 } from '../../dns/query-bytes.ts';

/** What came back for the bytes of one message. */
export interface Reply {
  /** Undefined: silence. */
  readonly message: Buffer | undefined;
  /** The server ended the connection before it answered what was asked next. */
  readonly isClosed: boolean;
}

/** A question that is always answered; messages that are asked about have another ID. */
const lastId = 0xfade;
const afterwards = queryFor('.', 2, undefined, { id: lastId, flags: 0 });
const patienceMs = 10_000;

/**
 * Puts messages to a server over UDP, one after the other. Silence is known by the answer to what is asked right after,
 * so that nothing waits for a time to pass: the server must answer in order.
 */
export class UdpAsker implements Disposable {
  readonly #socket: UdpSocket = createSocket('udp4');
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    this.#socket.bind(0, '127.0.0.1');
  }

  ask(message: Uint8Array): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let reply: Buffer | undefined;
      const timer = setTimeout(() => finish(new Error('no answer, not even to a plain question')), patienceMs);
      const finish = (error?: Error) => {
        clearTimeout(timer);
        this.#socket.off('message', take);
        if (error === undefined) resolve({ message: reply, isClosed: false });
        else reject(error);
      };
      const take = (answer: Buffer) => {
        if (idOf(answer) === lastId) finish();
        else if (reply === undefined) reply = answer;
        else finish(new Error('two answers to one message'));
      };
      this.#socket.on('message', take);
      this.#socket.send(message, this.#port, '127.0.0.1');
      this.#socket.send(afterwards, this.#port, '127.0.0.1');
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** The same over a TCP connection of its own for each message. */
export async function askOverTcp(port: number, message: Uint8Array): Promise<Reply> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect', { signal: AbortSignal.timeout(patienceMs) });
  const framer = new MessageFramer();
  let reply: Buffer | undefined;
  let hasAnsweredAll = false;
  socket.setTimeout(patienceMs, () => socket.destroy(new Error('no answer, not even to a plain question')));
  socket.on('data', (chunk) => {
    framer.feed(chunk as Buffer);
    for (let answer = framer.next(); answer !== undefined; answer = framer.next()) {
      if (idOf(Buffer.from(answer)) !== lastId) reply ??= Buffer.from(answer);
      else {
        hasAnsweredAll = true;
        socket.end();
      }
    }
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(Buffer.concat([framed(message), framed(afterwards)]));
  await closed;
  return { message: reply, isClosed: !hasAnsweredAll };
}

function framed(message: Uint8Array): Buffer {
  return Buffer.concat([uint16(message.length), message]);
}

function idOf(message: Buffer): number {
  return message.length < 2 ? 0 : message.readUInt16BE(0);
}
