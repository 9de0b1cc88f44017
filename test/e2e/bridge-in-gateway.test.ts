import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import type { BridgeDocument } from '../../src/admin/bridge-documents.ts';
import { Hearing } from '../integration/bridge-world.ts';
import { type MosquittoBroker, startMosquitto } from '../integration/mosquitto-broker.ts';
import { temporaryDirectory } from '../integration/spawned-process.ts';
import { eventually } from './eventually.ts';
import { answerOf, GatewayProcess, isAlive, writeConfiguration } from './gateway-process.ts';

const rules = [
  { name: 'telemetry', from: 'legacy', to: 'target', filter: 'dt/#', order: { keyLevel: 2 } },
  { name: 'billing', from: 'legacy', to: 'target', filter: 'bill/#', share: 'billing' },
  { name: 'commands', from: 'target', to: 'legacy', filter: 'cmd/#', order: { keyLevel: 2 } },
];

/** Two Mosquittos, a gateway with a bridge between them, devices at the gateway and backends at the target. */
class BridgedWorld implements AsyncDisposable {
  readonly target: MosquittoBroker;
  readonly directory: string;
  readonly #parts: readonly AsyncDisposable[];
  readonly #clients: MqttClient[] = [];
  gateway: GatewayProcess;

  private constructor(
    directory: string,
    target: MosquittoBroker,
    gateway: GatewayProcess,
    parts: readonly AsyncDisposable[],
  ) {
    this.directory = directory;
    this.target = target;
    this.gateway = gateway;
    this.#parts = parts;
  }

  static async start(more: Readonly<Record<string, unknown>> = {}): Promise<BridgedWorld> {
    const folder = await temporaryDirectory();
    const [legacy, target] = await Promise.all([startMosquitto({ quiet: true }), startMosquitto({ quiet: true })]);
    await writeConfiguration(folder.path, {
      brokers: { legacy: { url: legacy.url }, target: { url: target.url } },
      workers: 1,
      bridge: { directory: 'bridge', rules, ...more },
    });
    const gateway = await GatewayProcess.start(folder.path);
    return new BridgedWorld(folder.path, target, gateway, [legacy, target, folder]);
  }

  async bridge(): Promise<BridgeDocument> {
    return answerOf(await this.gateway.admin.bridge());
  }

  /** The bridge, once every rule is in this state. */
  bridgeWhen(what: string, isSo: (bridge: BridgeDocument) => boolean): Promise<BridgeDocument> {
    return eventually(
      what,
      async () => {
        const seen = await this.bridge();
        return isSo(seen) && seen;
      },
      30_000,
    );
  }

  running(): Promise<BridgeDocument> {
    return this.bridgeWhen('every rule runs', ({ rules: seen }) => seen.every(({ state }) => state === 'running'));
  }

  device(clientId: string): Promise<MqttClient> {
    return this.#connect(`mqtt://127.0.0.1:${this.gateway.port}`, clientId);
  }

  backend(clientId: string): Promise<MqttClient> {
    return this.#connect(this.target.url, clientId);
  }

  async #connect(url: string, clientId: string): Promise<MqttClient> {
    const client = await connectAsync(url, { clientId, reconnectPeriod: 50 });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.endAsync(true);
    await this.gateway.stop();
    for (const part of this.#parts) await part[Symbol.asyncDispose]();
  }
}

function ruleNamed(name: string, { rules: seen }: BridgeDocument) {
  const rule = seen.find((candidate) => candidate.name === name);
  assert.ok(rule !== undefined, name);
  return rule;
}

describe('the bridge in the gateway', { timeout: 300_000 }, () => {
  test('carries both ways for devices at the gateway, over SIGKILL of its process, and loses nothing', async () => {
    await using world = await BridgedWorld.start();
    const { processes } = await world.running();
    const [process] = processes;
    assert.ok(process !== undefined && processes.length === 1);
    const [device, backend] = [await world.device('meter-1'), await world.backend('service-1')];
    const telemetry = await Hearing.begin(backend, 'dt/#');
    const commands = await Hearing.begin(device, 'cmd/#');
    const publish = (client: MqttClient, prefix: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const text = `${prefix} ${String(index).padStart(4, '0')}`;
          await client.publishAsync(`${prefix.slice(0, prefix.indexOf(' '))}/${index % 3}/x`, text, { qos: 1 });
          return text;
        }),
      );
    await telemetry.all(await publish(device, 'dt before', 50));
    await commands.all(await publish(backend, 'cmd before', 50));

    globalThis.process.kill(process.pid, 'SIGKILL');
    const said = [...(await publish(device, 'dt during', 200))];
    await telemetry.all(said);
    await commands.all(await publish(backend, 'cmd during', 200));
    for (const [topic, heard] of telemetry.firstByTopic())
      assert.deepEqual(heard.slice(-60), heard.slice(-60).toSorted(), topic);
    assert.match(await world.gateway.process.line('A process of the gateway ended'), /"process":"bridge".*SIGKILL/);
    const back = await world.running();
    assert.notEqual(back.processes[0]?.pid, process.pid);
    assert.equal(device.connected, true);
    assert.equal((await world.gateway.status()).brokers['legacy']?.sessions, 1);
  });

  test('status, metrics and events show it; pause keeps what comes, resume carries it, scale changes the group', async () => {
    await using world = await BridgedWorld.start();
    await world.running();
    const { admin } = world.gateway;
    const seen: unknown[] = [];
    const ending = new AbortController();
    const events = answerOf(await admin.events({ signal: ending.signal }));
    const reading = (async () => {
      for await (const { event } of events) seen.push(event);
    })().catch(() => {});
    const [device, backend] = [await world.device('meter-1'), await world.backend('service-1')];
    const hearing = await Hearing.begin(backend, 'bill/#');
    await device.publishAsync('bill/1', 'first', { qos: 1 });
    await hearing.all(['first']);
    await eventually('the metrics of the gateway', async () => {
      const carried = { rule: 'billing', result: 'carried' };
      return (await world.gateway.metric('crossfade_bridge_messages_total', carried)) === 1;
    });

    answerOf(await admin.pauseRule('billing'));
    await world.bridgeWhen('the rule is paused', (bridge) => ruleNamed('billing', bridge).state === 'paused');
    await device.publishAsync('bill/1', 'kept', { qos: 1 });
    await world.bridgeWhen('it is in the spool', (bridge) => ruleNamed('billing', bridge).spool.messages === 1);
    assert.equal(hearing.heard.length, 1);
    const { bridge: summary } = await world.gateway.status();
    assert.deepEqual([summary?.rules.paused, summary?.rules.running, summary?.processes], [1, 2, 1]);
    answerOf(await admin.resumeRule('billing'));
    await hearing.all(['kept']);

    answerOf(await admin.scaleRule('billing', { members: 3 }));
    const scaled = await world.bridgeWhen('three members', (bridge) => {
      const { slots, state } = ruleNamed('billing', bridge);
      return state === 'running' && slots.length === 3;
    });
    assert.deepEqual(
      ruleNamed('billing', scaled).slots.map(({ kind, index }) => [kind, index]),
      [
        ['member', 0],
        ['member', 1],
        ['member', 2],
      ],
    );
    answerOf(await admin.scaleRule('billing', { members: 1 }));
    await world.bridgeWhen('one member', (bridge) => ruleNamed('billing', bridge).slots.length === 1);
    await eventually('the events', () => {
      const told = JSON.stringify(seen);
      return told.includes('"state":"paused"') && told.includes('"members":3') && told.includes('"members":1');
    });
    ending.abort();
    await reading;
  });

  test('a directory that cannot be used stops no device; status says why, and it is tried again', async () => {
    const blocked = await temporaryDirectory();
    const path = join(blocked.path, 'bridge');
    await writeFile(path, 'not a directory');
    await using world = await BridgedWorld.start({ directory: path });
    const device = await world.device('meter-1');
    const problem = await eventually(
      'a problem',
      async () => (await world.gateway.status()).bridge?.problem ?? undefined,
    );
    assert.match(problem, /directory/);
    assert.equal(device.connected, true);
    await rm(path);
    await world.running();
    await eventually('no problem', async () => (await world.gateway.status()).bridge?.problem === null);
    await blocked[Symbol.asyncDispose]();
  });

  test('SIGTERM of its process has it started again; of the gateway it ends with it, and nothing is left on the way', async () => {
    await using world = await BridgedWorld.start();
    const [first] = (await world.running()).processes;
    assert.ok(first !== undefined);
    process.kill(first.pid, 'SIGTERM');
    const [second] = (
      await world.bridgeWhen(
        'another process',
        ({ processes }) => processes[0] !== undefined && processes[0].pid !== first.pid,
      )
    ).processes;
    assert.ok(second !== undefined);
    await world.running();
    world.gateway.process.kill('SIGTERM');
    assert.deepEqual(await world.gateway.process.exited, { code: 0, signal: null });
    assert.equal(await isAlive(second.pid), false);
  });
});
