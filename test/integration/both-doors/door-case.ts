import { randomBytes } from 'node:crypto';
import { type ConnectOptions, connect, type Version } from './packet-writing.ts';
import { RawClient } from './raw-client.ts';

/** A conversation that goes the same way at the broker's own door and at the gateway's. */
export interface DoorCase {
  /** The clause or section it plays, and what it is about. */
  readonly name: string;
  /** Default: all. */
  readonly versions?: readonly Version[];
  /** Sees what others publish, or would be seen by them: it has the brokers for itself. */
  readonly isAlone?: boolean;
  readonly play: (party: Party) => Promise<unknown>;
}

export const allVersions: readonly Version[] = ['3.1', '3.1.1', '5'];
export const before5: readonly Version[] = ['3.1', '3.1.1'];
export const five: readonly Version[] = ['5'];

/** The clients of one case at one door; names of its own stand in topics and client IDs. */
export class Party implements AsyncDisposable {
  readonly version: Version;
  /** Of the same length at every door. */
  readonly tag = `t${randomBytes(4).toString('hex')}`;
  readonly #port: number;
  readonly #clients: RawClient[] = [];
  readonly #notes: string[] = [];

  constructor(port: number, version: Version) {
    this.#port = port;
    this.version = version;
  }

  topic(name: string): string {
    return `${this.tag}/${name}`;
  }

  /** A line of the case's own in what the doors have to agree on. */
  note(text: string): void {
    this.#notes.push(text);
  }

  async dial(name: string, version = this.version): Promise<RawClient> {
    const barrierTopic = `${this.tag}-barrier/${name}`;
    const client = await RawClient.dial(this.#port, { name, version, barrierTopic });
    this.#clients.push(client);
    return client;
  }

  /** Sends CONNECT and waits for CONNACK, whatever it says. The same name is the same client ID. */
  async connect(name: string, options: ConnectOptions = {}, version = this.version): Promise<RawClient> {
    const client = await this.dial(name, version);
    client.send(connect(version, { clientId: `${this.tag}${name}`, ...options }));
    await client.nextOf(2);
    return client;
  }

  /** What the last packets led to at other clients has come then. */
  async settle(): Promise<void> {
    await Promise.all(this.#clients.filter((client) => client.isIn).map((client) => client.settle()));
  }

  /** What all clients saw, in the order in which they were dialled. */
  observation(): readonly string[] {
    const named = [this.tag, Buffer.from(this.tag).toString('hex')];
    const lines = this.#clients.flatMap(({ name, transcript }) => transcript.map((line) => `${name}: ${line}`));
    return [...lines, ...this.#notes].map((line) => named.reduce((text, tag) => text.replaceAll(tag, 'TAG'), line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // With a DISCONNECT: a will would reach whoever comes next.
    await Promise.all(this.#clients.map((client) => client.leave()));
  }
}

/** What a case showed at a door; an error of the case itself is part of it. */
export async function observe(doorCase: DoorCase, port: number, version: Version): Promise<readonly string[]> {
  await using party = new Party(port, version);
  let failure: readonly string[] = [];
  try {
    await doorCase.play(party);
    await party.settle();
  } catch (error) {
    failure = [
      `failed: ${error instanceof Error ? error.message : error}`
        .replaceAll(party.tag, 'TAG')
        .replace(/; came:.*/s, ''),
    ];
  }
  return [...party.observation(), ...failure];
}
