import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import type { AnswerMessage } from '../../src/nameserver/answering.ts';
import { MessageFramer } from '../../src/nameserver/message-framer.ts';
import { NameserverSockets, type NameserverSocketsDeps } from '../../src/nameserver/nameserver-sockets.ts';
import type { TcpLimits } from '../../src/nameserver/tcp-service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

export const tcpLimits: TcpLimits = {
  idleMs: 60_000,
  messageMs: 60_000,
  connections: 100,
  connectionsPerClient: 100,
};

/** Answers with what came, reversed, and is silent to an empty message. */
export const reverse: AnswerMessage = (message) =>
  message.length === 0 ? undefined : Uint8Array.from(message).reverse();

export function createSockets(changes: Partial<NameserverSocketsDeps> = {}): NameserverSockets {
  return new NameserverSockets({
    answer: reverse,
    clock: systemClock,
    log: createLogger({ level: 'silent', component: 'test' }),
    tcp: tcpLimits,
    ...changes,
  });
}

/** Sends a datagram to an address and waits for the answer, with the address that it came from. */
export async function askUdp(
  { host, port }: { readonly host: string; readonly port: number },
  message: Uint8Array,
): Promise<{ readonly answer: Buffer; readonly from: string }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.send(message, port, host);
    const [answer, from] = (await once(socket, 'message')) as [Buffer, { readonly address: string }];
    return { answer, from: from.address };
  } finally {
    socket.close();
  }
}

/** A TCP client that cuts what it reads into messages. */
export class TcpClient {
  readonly socket: Socket;
  readonly messages: Buffer[] = [];
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(port: number, host = '127.0.0.1') {
    this.socket = connect({ port, host, allowHalfOpen: true });
    this.socket.on('error', () => {});
    const framer = new MessageFramer();
    this.socket.on('data', (chunk: Buffer) => {
      framer.feed(chunk);
      for (let message = framer.next(); message !== undefined; message = framer.next()) {
        this.messages.push(Buffer.from(message));
      }
      this.#wake();
    });
    this.socket.on('end', () => {
      this.#hasEnded = true;
      this.#wake();
    });
    this.socket.once('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  ask(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages.map(framedMessage)));
  }

  /** Waits until so many answers came, or the server ended the connection. */
  async received(count: number): Promise<readonly Buffer[]> {
    while (this.messages.length < count && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.messages;
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<void> {
    while (!this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export function framedMessage(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]);
}
