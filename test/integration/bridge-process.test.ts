import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { stringify } from 'yaml';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import { openBridgeBoard } from '../../src/bridge/directory-board.ts';
import { eventually } from '../e2e/eventually.ts';
import { Hearing } from './bridge-world.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { SpawnedProcess, temporaryDirectory } from './spawned-process.ts';
import { writePki } from './test-pki.ts';

const cli = join(import.meta.dirname, '../../bin/crossfade.js');

/** `crossfade bridge run` on a configuration like an operator's, with TLS and a client certificate towards the target. */
class BridgeProcess {
  readonly #path: string;
  process: SpawnedProcess;

  private constructor(path: string) {
    this.#path = path;
    this.process = this.#spawn();
  }

  static async start(
    directory: string,
    legacy: MosquittoBroker,
    aws: MosquittoBroker,
    { admin = '127.0.0.1:0' }: { readonly admin?: string } = {},
  ): Promise<BridgeProcess> {
    const pki = await writePki(directory);
    const path = join(directory, 'crossfade.yaml');
    const target = {
      url: aws.tlsUrl,
      tls: { ca: join(pki, 'legacy-ca.pem'), servername: 'localhost' },
      identity: { cert: join(pki, 'gateway.pem'), key: join(pki, 'gateway.key') },
    };
    const configuration = {
      version: 1,
      fleet: { domain: 'mqtt.example.com', identity: ['mqtt.clientId'], salt: 'bridge' },
      listeners: [{ name: 'plain', bind: '127.0.0.1:0' }],
      brokers: { legacy: { url: legacy.url }, aws: target },
      plan: { default: 'legacy', cohorts: [] },
      admin: { bind: '127.0.0.1:0', tokens: [{ name: 'ops', role: 'operator', token: 'a-token-of-some-length' }] },
      bridge: {
        directory: 'bridge',
        admin,
        spool: { afterMs: 100 },
        rules: [
          { name: 'telemetry', from: 'legacy', to: 'aws', filter: 'dt/#', order: { keyLevel: 2 }, lanes: 2 },
          { name: 'commands', from: 'aws', to: 'legacy', filter: 'cmd/#', order: { keyLevel: 2 }, partitions: 3 },
        ],
      },
    };
    await writeFile(path, stringify(configuration));
    return new BridgeProcess(path);
  }

  /** Its first line. */
  async ready(): Promise<{ readonly rules: readonly string[]; readonly admin: string }> {
    return JSON.parse(await this.process.line(/"event":"ready"/));
  }

  isOpen(): Promise<string> {
    return this.process.line(/the bridge is open/);
  }

  async restart(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exited;
    this.process = this.#spawn();
  }

  /** Another process with the same configuration, as a container that is scaled starts it. */
  startAnother(): SpawnedProcess {
    return this.#spawn();
  }

  #spawn(): SpawnedProcess {
    return new SpawnedProcess(process.execPath, [cli, 'bridge', 'run', '--config', this.#path]);
  }
}

describe('crossfade bridge run', { timeout: 90_000 }, () => {
  test('SIGKILL in the middle, three times: all that was acknowledged arrives, keys keep their order; SIGTERM ends it', async () => {
    const directory = await temporaryDirectory();
    await using legacy = await startMosquitto({ quiet: true });
    await using aws = await startMosquitto({ quiet: true, tls: 'client-certificates' });
    const bridge = await BridgeProcess.start(directory.path, legacy, aws);
    assert.deepEqual((await bridge.ready()).rules, ['telemetry', 'commands']);
    await bridge.isOpen();
    const device = await connectAsync(legacy.url, { protocolVersion: 5 });
    const backend = await connectAsync(aws.url, { protocolVersion: 4 });
    const hearing = await Hearing.begin(backend, 'dt/#');
    const answers = await Hearing.begin(device, 'cmd/#');
    const texts: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const publishing = Array.from({ length: 300 }, async (_, index) => {
        const text = `dt ${String(round * 300 + index).padStart(5, '0')}`;
        texts.push(text);
        await device.publishAsync(`dt/${'abc'.charAt(index % 3)}/x`, text, { qos: 1 });
      });
      if (round > 0) await bridge.restart();
      await Promise.all(publishing);
    }
    await bridge.isOpen();
    await hearing.all(texts);
    for (const [topic, heard] of hearing.firstByTopic()) assert.deepEqual(heard, heard.toSorted(), topic);
    await backend.publishAsync('cmd/a', 'back', { qos: 1 });
    await answers.all(['back']);
    const metrics = await (await fetch(`${(await bridge.ready()).admin}/metrics`)).text();
    const admin = createAdminClient({ url: (await bridge.ready()).admin, token: 'a-token-of-some-length' });
    const seen = await admin.bridge();
    assert.deepEqual(seen.ok && seen.value.rules.map(({ name }) => name), ['telemetry', 'commands']);
    assert.ok((await admin.pauseRule('commands')).ok);
    await eventually('the rule is paused', async () => {
      const now = await admin.bridge();
      return now.ok && now.value.rules[1]?.state === 'paused';
    });
    admin.close();
    assert.match(metrics, /crossfade_bridge_messages_total\{rule="commands",slot="p\dof3-\w+",result="carried"\} 1\n/);
    assert.match(metrics, /crossfade_bridge_lane_open\{rule="telemetry",slot="p0of1-\w+",lane="1"\} 1\n/);
    bridge.process.kill('SIGTERM');
    assert.deepEqual(await bridge.process.exited, { code: 0, signal: null });
    await Promise.all([device.endAsync(true), backend.endAsync(true)]);
    await directory[Symbol.asyncDispose]();
  });

  test('one whose bridge.admin somebody has says so, and takes no slot from anybody', async () => {
    const directory = await temporaryDirectory();
    await using legacy = await startMosquitto({ quiet: true });
    await using aws = await startMosquitto({ quiet: true, tls: 'client-certificates' });
    const admin = `127.0.0.1:${aws.port}`;
    const bridge = await BridgeProcess.start(directory.path, legacy, aws, { admin });
    assert.deepEqual(await bridge.process.exited, { code: 1, signal: null });
    const text = bridge.process.lines.join('\n');
    assert.match(text, new RegExp(`bridge\\.admin: ${admin} is in use.*another address`));
    assert.doesNotMatch(text, /A slot of the bridge/);
    await directory[Symbol.asyncDispose]();
  });

  test('two processes divide the partitions; SIGKILL of one, twice: the other takes them over', async () => {
    const directory = await temporaryDirectory();
    await using legacy = await startMosquitto({ quiet: true });
    await using aws = await startMosquitto({ quiet: true, tls: 'client-certificates' });
    const bridge = await BridgeProcess.start(directory.path, legacy, aws);
    await bridge.isOpen();
    const board = openBridgeBoard(join(directory.path, 'bridge'));
    const divided = () => {
      const counts = board.readStatuses().map(({ slots }) => slots.filter(({ isSubscribed }) => isSubscribed).length);
      return counts.length === 2 && counts.every((count) => count === 2);
    };
    const device = await connectAsync(legacy.url, { protocolVersion: 5 });
    const backend = await connectAsync(aws.url, { protocolVersion: 4 });
    const hearing = await Hearing.begin(device, 'cmd/#');
    const texts: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const another = bridge.startAnother();
      await eventually('each has two of the four slots', divided, 60_000);
      const publishing = Array.from({ length: 300 }, async (_, index) => {
        const text = `cmd ${String(round * 300 + index).padStart(5, '0')}`;
        texts.push(text);
        await backend.publishAsync(`cmd/k${index % 20}/x`, text, { qos: 1 });
      });
      another.kill('SIGKILL');
      await another.exited;
      await Promise.all(publishing);
      await hearing.all(texts);
    }
    for (const [topic, heard] of hearing.firstByTopic()) assert.deepEqual(heard, heard.toSorted(), topic);
    bridge.process.kill('SIGTERM');
    assert.deepEqual(await bridge.process.exited, { code: 0, signal: null });
    await Promise.all([device.endAsync(true), backend.endAsync(true)]);
    await directory[Symbol.asyncDispose]();
  });
});
