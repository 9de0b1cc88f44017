import { createSocket, type Socket } from 'node:dgram';
import packet from 'dns-packet';

type QuestionType = 'A' | 'AAAA' | 'SOA' | 'TXT';

const lostAfterMs = 20_000;

export interface DnsReply {
  readonly rcode: string;
  /** Data of the answer section, as texts. */
  readonly data: readonly string[];
  /** Scope of the client subnet; undefined without one. */
  readonly scope: number | undefined;
}

/** A resolver that asks one server over UDP, from one socket, and asks again when nothing comes. */
export class DnsClient implements Disposable {
  readonly #socket: Socket = createSocket('udp4');
  readonly #port: number;
  readonly #waiting = new Map<number, (reply: DnsReply) => void>();
  #nextId = 1;

  constructor(port: number) {
    this.#port = port;
    this.#socket.on('message', (message) => {
      const reply = packet.decode(message) as packet.DecodedPacket & { readonly rcode: string };
      const data = (reply.answers ?? []).flatMap((record) => ('data' in record ? [String(record.data)] : []));
      this.#waiting.get(reply.id ?? -1)?.({ rcode: reply.rcode, data, scope: scopeOf(reply) });
    });
  }

  /** Rejects when nothing comes after several attempts. */
  async ask(name: string, type: QuestionType = 'A', subnet?: string): Promise<DnsReply> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const reply = await this.#askOnce(name, type, subnet, 1_000);
      if (reply !== undefined) return reply;
    }
    throw new Error(`${name} ${type} was not answered`);
  }

  /** One attempt, which a busy machine may keep waiting: rejects only when the query or its answer was lost. */
  async askWithoutRetry(name: string, type: QuestionType): Promise<DnsReply> {
    const reply = await this.#askOnce(name, type, undefined, lostAfterMs);
    if (reply === undefined) throw new Error(`${name} ${type} was lost`);
    return reply;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #askOnce(
    name: string,
    type: QuestionType,
    subnet: string | undefined,
    patienceMs: number,
  ): Promise<DnsReply | undefined> {
    const id = this.#nextId++ & 0xffff;
    const options = subnet === undefined ? [] : [{ code: 'CLIENT_SUBNET', ...subnetOf(subnet) }];
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1_232, flags: 0, options };
    const query = packet.encode({
      type: 'query',
      id,
      questions: [{ name, type }],
      additionals: [opt as unknown as packet.Answer],
    });
    return new Promise((resolve) => {
      const settle = (reply: DnsReply | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(reply);
      };
      const timer = setTimeout(() => settle(undefined), patienceMs);
      this.#waiting.set(id, settle);
      this.#socket.send(query, this.#port, '127.0.0.1');
    });
  }
}

function subnetOf(text: string) {
  const [ip = '', bits] = text.split('/');
  return { family: ip.includes(':') ? 2 : 1, sourcePrefixLength: Number(bits), scopePrefixLength: 0, ip };
}

function scopeOf(reply: packet.DecodedPacket): number | undefined {
  for (const record of reply.additionals ?? []) {
    if (record.type !== 'OPT') continue;
    const options = record.options as unknown as readonly { type: string; scopePrefixLength?: number }[];
    const subnet = options.find(({ type }) => type === 'CLIENT_SUBNET');
    if (subnet !== undefined) return subnet.scopePrefixLength;
  }
  return undefined;
}
