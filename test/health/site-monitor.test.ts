import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MonitoredSite, type SiteHealth, SiteMonitor } from '../../src/health/site-monitor.ts';
import type { ProbeResult } from '../../src/health/site-probe.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const site: MonitoredSite = {
  name: 'a',
  addresses: ['192.0.2.1', '192.0.2.2'],
  ports: { tcp: 8883 },
  everyMs: 1_000,
  timeoutMs: 500,
  rise: 2,
  fall: 2,
  holdDownMs: 0,
};

/** Answers probes as `outcomeOf` says, and lets the test wait for a change. */
function startMonitor(
  outcomeOf: (address: string, count: number) => ProbeResult['outcome'],
  wasDown: (site: string, address: string) => boolean = () => false,
  thresholds: Partial<MonitoredSite> = {},
) {
  const counts = new Map<string, number>();
  const changes: SiteHealth[] = [];
  const waiting: (() => void)[] = [];
  const monitor = new SiteMonitor([{ ...site, everyMs: 1, ...thresholds }], {
    clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    log: createLogger({ level: 'silent', component: 'test' }),
    servername: 'mqtt.example.com',
    random: () => 0.5,
    wasDown,
    onChange: (_name, health) => {
      changes.push(health);
      for (const wake of waiting.splice(0)) wake();
    },
    probe: async ({ address }) => {
      const count = (counts.get(address) ?? 0) + 1;
      counts.set(address, count);
      return { outcome: outcomeOf(address, count), detail: '' };
    },
  });
  monitor.start();
  return {
    monitor,
    changes,
    until: async (isIt: (health: SiteHealth) => boolean) => {
      while (!changes.some(isIt)) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

describe('SiteMonitor', () => {
  test('a site is up while one of its addresses is, and names the others', async () => {
    const { monitor, until } = startMonitor((address) => (address === '192.0.2.1' ? 'good' : 'failed'));
    await until(({ downAddresses }) => downAddresses.length === 1);
    assert.deepEqual(monitor.health('a'), { health: 'up', downAddresses: ['192.0.2.2'], detail: '' });
    monitor.stop();
  });

  test('a site is down when all of its addresses are, and comes back with the first', async () => {
    const { monitor, until } = startMonitor((address, count) =>
      count <= 4 || address === '192.0.2.2' ? 'failed' : 'good',
    );
    await until(({ health }) => health === 'down');
    await until(({ health }) => health === 'up');
    assert.deepEqual(monitor.health('a')?.downAddresses, ['192.0.2.2']);
    monitor.stop();
  });

  test('a site that no way leads to any more is down', async () => {
    const { monitor, until } = startMonitor((_address, count) => (count <= 4 ? 'good' : 'unreachable'));
    await until(({ health }) => health === 'up');
    await until(({ health }) => health === 'down');
    monitor.stop();
  });

  test('nothing is said before it is known, and of nobody else', () => {
    const { monitor } = startMonitor(() => 'inconclusive');
    assert.equal(monitor.health('a')?.health, 'unknown');
    assert.equal(monitor.health('b'), undefined);
    monitor.stop();
  });

  test('a site that was down before begins so, and good probes bring it up', async () => {
    const { monitor, changes, until } = startMonitor(
      () => 'good',
      () => true,
    );
    assert.equal(monitor.health('a')?.health, 'down');
    await until(({ health }) => health === 'up');
    assert.ok(changes.every(({ health }) => health === 'up'));
    monitor.stop();
  });

  test('a site that is down while probes are good again says so', async () => {
    const probed = Promise.withResolvers<void>();
    const { monitor } = startMonitor(
      (_address, count) => {
        // The fourth asks once the third was judged: one too few yet.
        if (count === 4) probed.resolve();
        return 'good';
      },
      () => true,
      { rise: 1_000 },
    );
    await probed.promise;
    const said = site.addresses.map((address) => `${address} answers again, and stays down for now`);
    assert.deepEqual(monitor.health('a'), { health: 'down', downAddresses: [], detail: said.join('; ') });
    monitor.stop();
  });
});
