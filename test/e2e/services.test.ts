import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ServiceDocument, serviceDocument } from '../../src/admin/ledger-documents.ts';
import { runCli } from '../cli/spawned-cli.ts';
import { type MosquittoBroker, startMosquitto } from '../integration/mosquitto-broker.ts';
import { ServiceUnderLoad } from '../integration/share-group.ts';
import { SpawnedProcess, temporaryDirectory } from '../integration/spawned-process.ts';
import { adminToken, GatewayProcess, program, writeConfiguration } from './gateway-process.ts';

const instances = ['billing-1', 'billing-2', 'billing-3'];
const rules = [
  { name: 'billing', from: 'legacy', to: 'target', filter: 'dt/#', share: 'billing', members: 0 },
  { name: 'commands', from: 'target', to: 'legacy', filter: 'cmd/#' },
];
const services = [{ name: 'billing', rule: 'billing', instances, returns: 'commands' }];

/** Two Mosquittos, a service of three instances under load, and the configuration of who moves it. */
class MovingWorld implements AsyncDisposable {
  readonly directory: string;
  readonly path: string;
  readonly service: ServiceUnderLoad;
  readonly #parts: readonly AsyncDisposable[];

  private constructor(path: string, directory: string, service: ServiceUnderLoad, parts: readonly AsyncDisposable[]) {
    this.path = path;
    this.directory = directory;
    this.service = service;
    this.#parts = parts;
  }

  static async start(more: Readonly<Record<string, unknown>> = {}): Promise<MovingWorld> {
    const folder = await temporaryDirectory();
    const [legacy, target]: MosquittoBroker[] = await Promise.all([
      startMosquitto({ quiet: true }),
      startMosquitto({ quiet: true }),
    ]);
    const urls = { source: legacy?.url ?? '', target: target?.url ?? '' };
    const brokers = { legacy: { url: urls.source }, target: { url: urls.target } };
    const bridge = { directory: 'bridge', rules, ...more };
    const path = await writeConfiguration(folder.path, { brokers, workers: 1, bridge, services });
    const service = await ServiceUnderLoad.start(urls, { share: 'billing', instances, perSecond: 200 });
    return new MovingWorld(path, folder.path, service, [
      service,
      ...[legacy, target].filter((it) => it !== undefined),
      folder,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts) await part[Symbol.asyncDispose]();
  }
}

/** `crossfade services …` at an admin API, in a process of its own; `--json` where there is something to look at. */
async function run(
  admin: string,
  ...commandLine: string[]
): Promise<{ code: number | null; service: ServiceDocument }> {
  const environment = { CROSSFADE_ADMIN: admin, CROSSFADE_TOKEN: adminToken };
  const { code, stdout, stderr } = await runCli(['services', ...commandLine, '--json'], { environment });
  assert.notEqual(stdout, '', stderr);
  const service: unknown = JSON.parse(stdout);
  assert.deepEqual(serviceDocument.parse(service), service);
  return { code, service: service as ServiceDocument };
}

function legacyOf({ instances: all }: ServiceDocument): number {
  return all.filter(({ at }) => at === 'legacy').length;
}

describe('crossfade services', { timeout: 240_000 }, () => {
  test('takes three instances to the bridge one by one under load, and nothing is lost', async () => {
    await using world = await MovingWorld.start();
    await using gateway = await GatewayProcess.start(world.directory);
    const move = (...options: string[]) => run(gateway.adminUrl, 'move', 'billing', '--window', '1s', ...options);
    let { code, service } = await move();
    assert.deepEqual([code, service.step, service.trouble], [0, 'awaiting-removal', null]);
    const seen: (readonly [number, number])[] = [];
    for (const instance of instances) {
      await world.service.leave(instance);
      ({ code, service } = await move('--removed', instance));
      assert.deepEqual([code, service.trouble], [0, null]);
      seen.push([legacyOf(service), service.measured?.share ?? Number.NaN]);
    }
    assert.deepEqual([service.step, service.standing, service.members], ['done', 'target', 3]);
    // Mosquitto goes round: what a share may differ by are the edges of its measurement.
    for (const [index, [legacy, share]] of seen.entries()) {
      const members = index + 1;
      assert.equal(legacy, instances.length - members);
      assert.ok(Math.abs(share - members / 3) <= 0.05, `${members} of 3 had ${share}`);
    }
    const whole = await run(gateway.adminUrl, 'verify', 'billing', '--window', '1s');
    assert.deepEqual([whole.code, whole.service.verification?.state], [0, 'complete']);
    await world.service.settle();
  });

  test('a bridge that is killed in the middle of a step goes on with it', async () => {
    await using world = await MovingWorld.start({ admin: '127.0.0.1:0' });
    const start = () => new SpawnedProcess(process.execPath, [program, 'bridge', 'run', '--config', world.path]);
    const adminOf = async (bridge: SpawnedProcess) =>
      (JSON.parse(await bridge.line('"event":"ready"')) as { readonly admin: string }).admin;
    const first = start();
    const { service: begun } = await run(await adminOf(first), 'move', 'billing', '--no-wait');
    assert.equal(begun.underWay, true);
    first.kill('SIGKILL');
    await first.exited;
    const second = start();
    const admin = await adminOf(second);
    for (;;) {
      const environment = { CROSSFADE_ADMIN: admin, CROSSFADE_TOKEN: adminToken };
      const { stdout } = await runCli(['services', 'list', '--json'], { environment });
      const [service] = JSON.parse(stdout) as readonly ServiceDocument[];
      assert.equal(service?.trouble, null);
      if (service?.step === 'awaiting-removal') break;
    }
    await world.service.settle();
    await second.stop();
  });
});
