import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { decode, encode } from 'dns-packet';

interface Waiting {
  readonly name: string;
  readonly query: Buffer;
  readonly settle: (address: string) => void;
  readonly timer: NodeJS.Timeout;
}

const sockets = 16;
/** Few enough for the receive buffer of a socket, so that nothing is lost. */
const underWay = 12;
const againAfterMs = 1_000;

/** Asks for the A record of many names over UDP, from several ports: the workers of a gateway share by port. */
export class NameSurvey implements Disposable {
  readonly #port: number;
  readonly #sockets: readonly SurveySocket[];

  constructor(port: number) {
    this.#port = port;
    this.#sockets = Array.from({ length: sockets }, () => new SurveySocket(this.#port));
  }

  /** The address of each name, in their order; what is lost is asked again. */
  async addresses(names: readonly string[]): Promise<readonly string[]> {
    const answers = new Array<string>(names.length);
    let next = 0;
    const askOn = async (socket: SurveySocket) => {
      for (let index = next++; index < names.length; index = next++) {
        answers[index] = await socket.ask(names[index] ?? '');
      }
    };
    await Promise.all(this.#sockets.flatMap((socket) => Array.from({ length: underWay }, () => askOn(socket))));
    return answers;
  }

  /** Asks for one name from every port, again and again, until each was answered so; the milliseconds are the clock's. */
  async everywhere(name: string, address: string): Promise<number> {
    await Promise.all(
      this.#sockets.map(async (socket) => {
        while ((await socket.ask(name)) !== address);
      }),
    );
    return performance.now();
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.close();
  }
}

class SurveySocket {
  readonly #port: number;
  readonly #socket: Socket = createSocket('udp4');
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;

  constructor(port: number) {
    this.#port = port;
    this.#socket.on('message', (message) => this.#receive(message));
  }

  /** The one address that the name has. */
  ask(name: string): Promise<string> {
    this.#nextId = (this.#nextId + 1) & 0xffff;
    const id = this.#nextId;
    const query = encode({ type: 'query', id, questions: [{ name, type: 'A' }] });
    return new Promise((settle) => {
      const timer = setInterval(() => this.#socket.send(query, this.#port, '127.0.0.1'), againAfterMs);
      this.#waiting.set(id, { name, query, settle, timer });
      this.#socket.send(query, this.#port, '127.0.0.1');
    });
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearInterval(timer);
    this.#socket.close();
  }

  #receive(message: Buffer): void {
    const { id = 0, answers = [], questions = [] } = decode(message);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || questions[0]?.name !== waiting.name) return;
    this.#waiting.delete(id);
    clearInterval(waiting.timer);
    const [answer] = answers;
    assert.ok(answers.length === 1 && answer?.type === 'A', `${waiting.name}: ${JSON.stringify(answers)}`);
    waiting.settle(answer.data);
  }
}
