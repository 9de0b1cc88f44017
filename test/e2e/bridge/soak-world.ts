import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { temporaryDirectory } from '../../integration/spawned-process.ts';
import { ChildProgram } from '../handover/child-program.ts';
import { BridgeProcess } from './bridge-process.ts';
import { ConnectionRelay } from './connection-relay.ts';
import type { SideApi, SideOptions } from './side-process.ts';
import { type SoakBroker, startEmulatedAws, startLastingMosquitto } from './soak-broker.ts';
import { groupFilter, keyLevel, otherSide, type Side, sides, type TrafficPlan } from './traffic-plan.ts';

export type WorldName = 'mosquitto' | 'aws';

export interface SoakWorldOptions {
  readonly world: WorldName;
  /** Messages a second each way. */
  readonly rate: number;
}

/** Two brokers behind relays, the bridge between them, and somebody on either side who publishes and hears. */
export class SoakWorld implements AsyncDisposable {
  readonly name: WorldName;
  readonly brokers: Readonly<Record<Side, SoakBroker>>;
  readonly relays: Readonly<Record<Side, ConnectionRelay>>;
  readonly traffic: Readonly<Record<Side, ChildProgram<SideApi>>>;
  readonly bridge: BridgeProcess;
  readonly #directory: string;
  readonly #held: AsyncDisposableStack;

  private constructor(
    parts: Pick<SoakWorld, 'name' | 'brokers' | 'relays' | 'traffic' | 'bridge'> & { readonly directory: string },
    held: AsyncDisposableStack,
  ) {
    this.name = parts.name;
    this.brokers = parts.brokers;
    this.relays = parts.relays;
    this.traffic = parts.traffic;
    this.bridge = parts.bridge;
    this.#directory = parts.directory;
    this.#held = held;
  }

  /** Resolves when the bridge is open and everybody is subscribed. */
  static async start({ world, rate }: SoakWorldOptions): Promise<SoakWorld> {
    await using held = new AsyncDisposableStack();
    const { path: directory } = held.use(await temporaryDirectory());
    const brokers = {
      legacy: held.use(await startLastingMosquitto(join(directory, 'legacy'))),
      target: held.use(await (world === 'aws' ? startEmulatedAws() : startLastingMosquitto(join(directory, 'target')))),
    };
    const relays = {
      legacy: held.use(await ConnectionRelay.start(brokers.legacy.port)),
      target: held.use(await ConnectionRelay.start(brokers.target.port)),
    };
    const plan = planFor(world, rate);
    const configuration = join(directory, 'crossfade.yaml');
    await writeFile(configuration, stringify(await bridgeConfiguration({ world, plan, relays, brokers, directory })));
    const bridge = new BridgeProcess(configuration);
    held.defer(async () => void (await bridge.stop()));
    await bridge.open();
    const traffic = {
      legacy: held.use(new ChildProgram<SideApi>('../bridge/side-process.ts')),
      target: held.use(new ChildProgram<SideApi>('../bridge/side-process.ts')),
    };
    for (const side of sides) await traffic[side].ask('start', sideOptions({ world, plan, side, rate, brokers }));
    return new SoakWorld({ name: world, brokers, relays, traffic, bridge, directory }, held.move());
  }

  /** Of all dead letters that the bridge has written. */
  async deadLetterBytes(): Promise<number> {
    const names = await readdir(join(this.#directory, 'bridge'), { recursive: true });
    const letters = names.filter((name) => name.endsWith('.ndjson'));
    const sizes = await Promise.all(letters.map((name) => stat(join(this.#directory, 'bridge', name))));
    return sizes.reduce((sum, { size }) => sum + size, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of sides) this.brokers[side].thaw();
    this.bridge.thaw();
    await this.#held.disposeAsync();
  }
}

/** At AWS a connection carries 100 messages a second, both ways together: so many are planned, the rest is for catching up. */
const perAwsConnection = 50;
const keysPerGroup = 40;
const mosquittoKeys = 200;

function planFor(world: WorldName, rate: number): TrafficPlan {
  if (world === 'mosquitto') return { keys: mosquittoKeys, groups: 4, roots: { legacy: 'all', target: 'all' } };
  const groups = Math.ceil(rate / perAwsConnection);
  return { keys: groups * keysPerGroup, groups, roots: { legacy: 'up', target: 'down' } };
}

interface SideTerms {
  readonly world: WorldName;
  readonly plan: TrafficPlan;
  readonly side: Side;
  readonly rate: number;
  readonly brokers: SoakWorld['brokers'];
}

/** What the bridge brings back of a side's own messages is heard too, where the broker can leave out the rest. */
function sideOptions({ world, plan, side, rate, brokers }: SideTerms): SideOptions {
  const { port, ca } = brokers[side];
  const basis = { side, plan, rate, port, ...(ca !== undefined && { ca }) };
  if (world === 'aws' && side === 'target') {
    const ofGroup = (_: unknown, group: number) => [{ filter: groupFilter(plan, 'legacy', group) }];
    // Those that publish hear nothing: both would count.
    const hearers = Array.from({ length: plan.groups }, ofGroup);
    const filters = [...new Array(plan.groups).fill([]), ...hearers];
    return { ...basis, publishers: plan.groups, window: 20, publishesPerSecond: 65, filters };
  }
  const roots = [...new Set(Object.values(plan.roots))];
  const filters = [roots.map((root) => ({ filter: `${root}/#`, noLocal: true }))];
  return { ...basis, publishers: 1, window: 90, publishesPerSecond: null, filters };
}

interface BridgeTerms {
  readonly world: WorldName;
  readonly plan: TrafficPlan;
  readonly relays: SoakWorld['relays'];
  readonly brokers: SoakWorld['brokers'];
  readonly directory: string;
}

async function bridgeConfiguration({ world, plan, relays, brokers, directory }: BridgeTerms): Promise<object> {
  const legacy = { url: `mqtt://127.0.0.1:${relays.legacy.port}` };
  const order = { keyLevel };
  const rule = (name: string, from: Side, filter: string, lanes: number | 'auto') => ({
    ...{ name, from, to: otherSide(from), filter, lanes, order },
  });
  const general = {
    version: 1,
    fleet: { domain: 'mqtt.example.com', identity: ['mqtt.clientId'], salt: 'soak' },
    listeners: [{ name: 'plain', bind: '127.0.0.1:0' }],
    plan: { default: 'legacy', cohorts: [] },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'ops', role: 'operator', token: 'a-token-of-some-length' }] },
  };
  const bridge = { directory: 'bridge', admin: '127.0.0.1:0', ackTimeoutMs };
  if (world === 'mosquitto') {
    const target = { url: `mqtt://127.0.0.1:${relays.target.port}` };
    const rules = [rule('up', 'legacy', 'all/#', 2), rule('down', 'target', 'all/#', 2)];
    return { ...general, brokers: { legacy, target }, bridge: { ...bridge, rules } };
  }
  const ca = join(directory, 'aws-ca.pem');
  await writeFile(ca, brokers.target.ca ?? '');
  const target = {
    url: `mqtts://127.0.0.1:${relays.target.port}`,
    profile: 'aws-iot-core',
    tls: { ca, servername: 'localhost' },
  };
  const downs = Array.from({ length: plan.groups }, (_, group) =>
    rule(`down-${group}`, 'target', groupFilter(plan, 'target', group), 1),
  );
  const rules = [rule('up', 'legacy', `${plan.roots.legacy}/#`, 'auto'), ...downs];
  return { ...general, brokers: { legacy, target }, bridge: { ...bridge, rules } };
}

/** Below the longest freezes, so that some of them end with a connection that is given up. */
const ackTimeoutMs = 5_000;
