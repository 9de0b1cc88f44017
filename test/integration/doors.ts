import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Packet } from 'mqtt-packet';
import { TestDevice } from '../gateway/test-device.ts';
import { type GatewayOptions, type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { type MosquittoBroker, type MosquittoOptions, startMosquitto } from './mosquitto-broker.ts';
import { type ClientOutcome, type ClientTool, runClient, startClient } from './mosquitto-clients.ts';
import { fleetDomain, pkiText } from './test-pki.ts';

/** A way to the same broker: straight, or through one of the gateway's listeners. */
export interface Door {
  readonly name: 'broker' | 'plain' | 'open' | 'tls';
  readonly port: number;
  /** What a Mosquitto client needs to come in here. */
  readonly commandLine: readonly string[];
  /** What a TLS socket needs; absent: plain TCP. */
  readonly tls?: ConnectionOptions;
}

/** A scenario at one door: names of its own for topics and client IDs, so that doors do not meet at the broker. */
export class Visit {
  readonly door: Door;
  readonly broker: MosquittoBroker;
  /** Of the same length at every door; stands in every topic and client ID. */
  readonly tag = `v${randomBytes(4).toString('hex')}`;
  readonly #opened: AsyncDisposableStack;
  readonly #logStart: number;

  constructor(door: Door, broker: MosquittoBroker, opened: AsyncDisposableStack) {
    this.door = door;
    this.broker = broker;
    this.#opened = opened;
    this.#logStart = broker.log.length;
  }

  /** Runs a client to its end; `TAG` in its arguments stands for this visit's names. */
  run(tool: ClientTool, commandLine: readonly string[]): Promise<ClientOutcome> {
    return runClient(tool, [...this.door.commandLine, ...this.#named(commandLine)]);
  }

  /** Starts a client and leaves it running; it ends with the visit at the latest. */
  start(tool: ClientTool, commandLine: readonly string[]): ReturnType<typeof startClient> {
    return this.#opened.use(startClient(tool, [...this.door.commandLine, ...this.#named(commandLine)]));
  }

  /** Starts a subscriber with this client ID suffix; resolves when the broker has its subscription. */
  async subscribe(suffix: string, commandLine: readonly string[]): Promise<ReturnType<typeof startClient>> {
    const subscriber = this.start('mosquitto_sub', ['-i', `TAG-${suffix}`, ...commandLine]);
    await this.logged(`Sending SUBACK to TAG-${suffix}`);
    return subscriber;
  }

  /** Waits until the broker has logged this about the visit. */
  logged(text: string): Promise<string> {
    return this.broker.logged(text.replaceAll('TAG', this.tag), this.#logStart);
  }

  /** Ends with the visit at the latest. */
  closeLater(opened: AsyncDisposable): void {
    this.#opened.use(opened);
  }

  /** A raw device at this door. */
  async dial(version: 4 | 5): Promise<TestDevice> {
    const { port, tls } = this.door;
    const device = await (tls === undefined
      ? TestDevice.dial(port, version)
      : TestDevice.dialTls({ port, ...tls }, version));
    this.#opened.defer(() => void device.socket.destroy());
    return device;
  }

  #named(commandLine: readonly string[]): readonly string[] {
    return commandLine.map((word) => word.replaceAll('TAG', this.tag));
  }
}

/** One broker, and the gateway before it. */
export interface World extends AsyncDisposable {
  readonly broker: MosquittoBroker;
  readonly gateway: GatewayUnderTest;
  readonly doors: readonly Door[];
  /** Plays a scenario at every door and asserts that all observed what the broker's own door did; answers that. */
  sameAtEveryDoor<Observation>(scenario: (visit: Visit) => Promise<Observation>): Promise<Observation>;
}

export async function openWorld(
  options: { readonly mosquitto?: MosquittoOptions; readonly gateway?: Partial<GatewayOptions> } = {},
): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const broker = opened.use(await startMosquitto(options.mosquitto));
  const gateway = opened.use(
    await startGatewayUnderTest({ brokers: { legacy: { url: broker.url } }, ...options.gateway }),
  );
  const doors = doorsOf(broker, gateway);
  const keep = opened.move();
  return {
    broker,
    gateway,
    doors,
    sameAtEveryDoor: (scenario) => sameAtEveryDoor(doors, broker, scenario),
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}

async function sameAtEveryDoor<Observation>(
  doors: readonly Door[],
  broker: MosquittoBroker,
  scenario: (visit: Visit) => Promise<Observation>,
): Promise<Observation> {
  const observed = await Promise.all(
    doors.map(async (door) => {
      await using opened = new AsyncDisposableStack();
      const visit = new Visit(door, broker, opened);
      return { door, text: JSON.stringify(await scenario(visit)).replaceAll(visit.tag, 'TAG') };
    }),
  );
  const expected = JSON.parse(observed[0]?.text ?? 'null');
  for (const { door, text } of observed.slice(1)) {
    assert.deepEqual(JSON.parse(text), expected, `the ${door.name} listener is not as the broker itself`);
  }
  return expected;
}

function doorsOf(broker: MosquittoBroker, gateway: GatewayUnderTest): readonly Door[] {
  const at = (port: number, ...more: string[]) => ['-h', '127.0.0.1', '-p', `${port}`, ...more];
  const trust = ['--cafile', `${gateway.pki}/server-ca.pem`];
  const certificate = ['--cert', `${gateway.pki}/device-000001.pem`, '--key', `${gateway.pki}/device-000001.key`];
  const ca = pkiText('server-ca.pem');
  const identity = { cert: pkiText('device-000001.pem'), key: pkiText('device-000001.key') };
  const tls = { ca, servername: fleetDomain, rejectUnauthorized: true };
  return [
    { name: 'broker', port: broker.port, commandLine: at(broker.port) },
    { name: 'plain', port: gateway.plainPort, commandLine: at(gateway.plainPort) },
    { name: 'open', port: gateway.openPort, commandLine: at(gateway.openPort, ...trust), tls },
    {
      name: 'tls',
      port: gateway.tlsPort,
      commandLine: at(gateway.tlsPort, ...trust, ...certificate),
      tls: { ...tls, ...identity },
    },
  ];
}

/** A packet as plain data: bytes as text, nothing undefined. */
export function plainPacket(packet: Packet): unknown {
  return JSON.parse(
    JSON.stringify(packet, (_, value: unknown) => {
      if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'Buffer') return value;
      return 'data' in value && Array.isArray(value.data) ? Buffer.from(value.data).toString('latin1') : value;
    }),
  );
}

/** Writes what a client sends with `-f`. */
export async function payloadFile(gateway: GatewayUnderTest, name: string, content: Buffer): Promise<string> {
  const path = `${gateway.directory}/${name}`;
  await writeFile(path, content);
  return path;
}
