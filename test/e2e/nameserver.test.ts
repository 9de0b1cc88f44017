import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AdminClient } from '../../src/admin/admin-client.ts';
import { positionOf } from '../../src/plan/position.ts';
import { DnsClient } from './dns-client.ts';
import { eventually } from './eventually.ts';
import { answerOf, GatewayProcess, writeConfiguration } from './gateway-process.ts';

const zone = (serial: number) => `$TTL 300
@ SOA ns1 hostmaster ${serial} 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
txt TXT "${serial}"
`;
const steering = [
  {
    owner: '@',
    by: 'split',
    split: 'front-door',
    parts: {
      gateway: { sites: 'all', allDown: 'bypass' },
      bypass: { addresses: ['192.0.2.1'] },
    },
  },
  {
    owner: '*.d',
    by: 'cohort',
    label: 'clientid',
    source: { addresses: ['192.0.2.1'] },
    target: { addresses: ['192.0.2.2'] },
  },
];

describe('the nameserver of a running gateway', () => {
  let directory: string;
  let gateway: GatewayProcess;
  let client: DnsClient;
  let admin: AdminClient;
  let site: Server;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'crossfade-dns-'));
    await writeFile(join(directory, 'mqtt.zone'), zone(1));
    site = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    await writeConfiguration(directory, {
      brokers: { legacy: { url: 'mqtt://127.0.0.1:1' }, target: { url: 'mqtt://127.0.0.1:1' } },
      limits: { drainMs: 500, dnsFreeBytes: 100_000_000, dnsSameAnswers: 1_000_000 },
      nameserver: { bind: ['127.0.0.1:0'], zones: [{ origin: 'mqtt.example.com', file: 'mqtt.zone', steering }] },
      sites: [
        {
          name: 'here',
          addresses: ['127.0.0.1'],
          probe: { tcp: portOf(site), everyMs: 100, rise: 1, fall: 1, holdDownMs: 0 },
        },
        { name: 'there', addresses: ['192.0.2.20'] },
      ],
    });
    gateway = await GatewayProcess.start(directory);
    client = new DnsClient(gateway.nameserverPort);
    admin = gateway.admin;
  });

  after(async () => {
    client[Symbol.dispose]();
    await gateway.stop();
    site.close();
    await rm(directory, { recursive: true, force: true });
  });

  const apex = (subnet?: string) => client.ask('mqtt.example.com', 'A', subnet);
  const split = async (gatewayBps: number) => {
    const result = await admin.setSplit('front-door', {
      weights: { gateway: gatewayBps, bypass: 10_000 - gatewayBps },
    });
    assert.ok(result.ok, JSON.stringify(result));
    return result.value;
  };

  test('the status names its addresses and its sites', async () => {
    const { nameserver, sites } = await gateway.status();
    assert.deepEqual(nameserver, [`127.0.0.1:${gateway.nameserverPort}`]);
    assert.deepEqual(
      sites.map(({ name }) => name),
      ['here', 'there'],
    );
  });

  test('a split answers every network by the formula, and a new share at once', async () => {
    for (const gatewayBps of [0, 137, 5_000, 10_000]) {
      await split(gatewayBps);
      for (let number = 0; number < 200; number += 1) {
        const subnet = `198.51.${number}.0/24`;
        const isGateway = positionOf('faults', 'subnet', subnet) < gatewayBps;
        const { data, scope } = await apex(subnet);
        assert.equal(data[0] !== '192.0.2.1', isGateway, `${subnet} at ${gatewayBps}`);
        assert.equal(scope, gatewayBps === 0 ? 0 : 24);
      }
    }
  });

  test('a forecast counts the networks that asked', async () => {
    await split(0);
    await split(5_000);
    for (let number = 0; number < 50; number += 1) await apex(`203.0.${number}.0/24`);
    const rehearsal = await admin.setSplit('mqtt.example.com', { weights: { bypass: '100%' }, dryRun: true });
    assert.ok(rehearsal.ok);
    const { networks } = rehearsal.value.forecast;
    assert.ok(networks.seen >= 50);
    assert.ok(networks.changing > 0 && networks.changing < networks.seen);
    const wrong = await admin.setSplit('front-door', { weights: { gateway: '1%' } });
    assert.ok(!wrong.ok);
  });

  test('a plan whose split names a part that is not configured is refused', async () => {
    const current = await admin.plan();
    assert.ok(current.ok);
    const { revision, ...plan } = current.value;
    const splits = [{ name: 'front-door', weights: { gateway: 5_000, by: 5_000 } }];
    const refused = await admin.replacePlan({ ...plan, splits }, { ifMatch: revision });
    assert.ok(!refused.ok && refused.error.kind === 'problem');
    assert.equal(refused.error.problem.status, 400);
    assert.deepEqual(refused.error.problem.errors, [
      { field: 'splits[0].weights.by', expected: 'a part of the steering (gateway, bypass)', got: '"by"' },
    ]);
  });

  test('devices’ own names agree with where, before and after a cutover', async () => {
    for (const weightBps of [137, 5_000]) {
      const cutover = await admin.cutover('everyone', { weightBps, live: 'keep' });
      assert.ok(cutover.ok, JSON.stringify(cutover));
      for (let number = 1; number <= 100; number += 1) {
        const clientId = `device-${String(number).padStart(6, '0')}`;
        const where = await admin.where({ clientId });
        const { data } = await client.ask(`${clientId}.d.mqtt.example.com`);
        assert.deepEqual(data, [where.ok && where.value.broker === 'target' ? '192.0.2.2' : '192.0.2.1']);
      }
    }
    assert.equal((await client.ask('_x.d.mqtt.example.com')).rcode, 'NXDOMAIN');
  });

  test('a drained site is out of the answers until it is undrained', async () => {
    await split(10_000);
    const drained = await admin.drainSite('there', { reason: 'maintenance' });
    assert.deepEqual(drained.ok && drained.value.warnings, []);
    await eventually('only the other site', async () => {
      const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((number) => apex(`10.0.${number}.0/24`)));
      return answers.every(({ data }) => data[0] === '127.0.0.1');
    });
    const { sites } = await gateway.status();
    assert.equal(sites[1]?.said?.reason, 'maintenance');
    const last = await admin.drainSite('here', {});
    assert.match(
      (last.ok && last.value.warnings[0]) || '',
      /no site is left for part gateway .*answered with part bypass/,
    );
    assert.ok((await admin.undrainSite('here', {})).ok);
    assert.ok((await admin.undrainSite('there', {})).ok);
    assert.ok(!(await admin.drainSite('nowhere', {})).ok);
  });

  test('a site that dies leaves the answers, and all dead means the bypass', async () => {
    await split(10_000);
    await new Promise((resolve) => site.close(resolve));
    await eventually('the other site alone', async () => (await gateway.status()).sites[0]?.health === 'down');
    assert.ok((await admin.forceSite('there', { health: 'down' })).ok);
    await eventually('the bypass', async () => (await apex('10.0.1.0/24')).data[0] === '192.0.2.1');
    assert.ok((await admin.forceSite('there', { health: null })).ok);
    await eventually('the other site', async () => (await apex('10.0.1.0/24')).data[0] === '192.0.2.20');
  });

  test('an answer is explained step by step', async () => {
    await split(5_000);
    const trace = await admin.dnsAnswer({
      name: 'mqtt.example.com',
      subnet: '198.51.100.0/24',
      weights: 'bypass=100%',
    });
    assert.ok(trace.ok, JSON.stringify(trace));
    const { steps, answer, scope, forecast } = trace.value;
    const { data } = await apex('198.51.100.0/24');
    assert.deepEqual(answer, [`mqtt.example.com. 30 IN A ${data[0]}`]);
    assert.equal(scope, 24);
    assert.ok(steps.some(({ text }) => /^position \d+\.\d{4} falls to (gateway|bypass)$/.test(text)));
    assert.equal(forecast?.newWeights['bypass'], 10_000);
    const device = await admin.dnsAnswer({ name: 'mqtt.example.com', device: 'söner/µ' });
    assert.ok(device.ok);
    assert.match(device.value.name, /^x--[0-9a-v]+\.d\.mqtt\.example\.com\.$/);
    assert.equal(device.value.rcode, 'NOERROR');
  });

  test('a zone is read again at SIGHUP without a lost query, and one with mistakes leaves the former', async () => {
    const askers = Array.from({ length: 8 }, () => new Asker(gateway.nameserverPort));
    const everybodyHas = (serial: string) =>
      eventually(`${serial} for everybody`, () => askers.every((asker) => asker.serial === serial));
    try {
      await everybodyHas('1');
      await writeFile(join(directory, 'mqtt.zone'), zone(2));
      gateway.process.kill('SIGHUP');
      await everybodyHas('2');
      const from = gateway.process.lines.length;
      await writeFile(join(directory, 'mqtt.zone'), `${zone(3)}bad A 300.0.0.1\n`);
      gateway.process.kill('SIGHUP');
      const line = await gateway.process.line('has mistakes', from);
      assert.match(line, /mqtt\.zone:6: A: expected/);
      // Reloads follow one another: whoever has this one has been through the one with the mistake.
      await writeFile(join(directory, 'mqtt.zone'), zone(4));
      gateway.process.kill('SIGHUP');
      await everybodyHas('4');
    } finally {
      await Promise.all(askers.map((asker) => asker.finish()));
    }
    for (const { serials } of askers) assert.deepEqual([...serials], ['1', '2', '4']);
  });

  test('a zone is read again over the API: mistakes are answered, and what is answered for is in force', async () => {
    const askers = Array.from({ length: 8 }, () => new Asker(gateway.nameserverPort));
    try {
      await eventually('answers for everybody', () => askers.every(({ serial }) => serial !== undefined));
      assert.deepEqual(
        answerOf(await admin.reloadZones()).zones.map(({ outcome }) => outcome),
        ['unchanged'],
      );
      await writeFile(join(directory, 'mqtt.zone'), `${zone(5)}bad A 300.0.0.1\n`);
      const [refused] = answerOf(await admin.reloadZones()).zones;
      assert.deepEqual([refused?.outcome, refused?.serial, refused?.mistakes.length], ['refused', 4, 1]);
      assert.match(refused?.mistakes[0] ?? '', /mqtt\.zone:6: A: expected .*, got "300\.0\.0\.1"/);
      await writeFile(join(directory, 'mqtt.zone'), zone(6));
      // Two at once, and both are answered for.
      const reloads = await Promise.all([admin.reloadZones(), admin.reloadZones()]);
      const asked = await Promise.all(Array.from({ length: 8 }, () => askOnce(gateway.nameserverPort)));
      assert.deepEqual(new Set(asked), new Set(['6']));
      for (const reload of reloads) assert.equal(answerOf(reload).zones[0]?.serial, 6);
    } finally {
      await Promise.all(askers.map((asker) => asker.finish()));
    }
    for (const { serials } of askers) assert.equal([...serials].includes('5'), false);
  });

  test('queries are counted by type and rcode', async () => {
    assert.ok((await gateway.metric('crossfade_dns_queries_total', { qtype: 'TXT', rcode: 'NOERROR' })) > 0);
    assert.ok((await gateway.metric('crossfade_dns_queries_total', { qtype: 'A', rcode: 'NXDOMAIN' })) > 0);
    assert.ok((await gateway.metric('crossfade_dns_messages_total', { result: 'answered' })) > 0);
  });

  test('status and metrics tell of sites and of zones, also of one whose file has mistakes', async () => {
    const zoneFile = join(directory, 'mqtt.zone');
    const right = await readFile(zoneFile, 'utf8');
    const seen = async () => ({
      mistakes: (await gateway.status()).zones[0]?.mistakes.length,
      refused: await gateway.metric('crossfade_zone_refused', { zone: 'mqtt.example.com' }),
    });
    const { zones, aliases, sites } = await gateway.status();
    assert.deepEqual([zones.length, zones[0]?.signed, aliases], [1, false, []]);
    assert.equal(await gateway.metric('crossfade_zone_serial'), zones[0]?.serial);
    for (const { name, health } of sites) {
      assert.equal(await gateway.metric('crossfade_site_health', { site: name, health }), 1);
      assert.equal(await gateway.metric('crossfade_site_health', { site: name }), 1);
    }
    assert.deepEqual(await seen(), { mistakes: 0, refused: 0 });
    await writeFile(zoneFile, `${right}bad A 1.2.3\n`);
    assert.ok((await admin.reloadZones()).ok);
    assert.deepEqual(await seen(), { mistakes: 1, refused: 1 });
    await writeFile(zoneFile, right);
    assert.ok((await admin.reloadZones()).ok);
    assert.deepEqual(await seen(), { mistakes: 0, refused: 0 });
  });

  test('workers answer on while the control process is away', async () => {
    await split(0);
    process.kill(await gateway.pidOfControl(), 'SIGKILL');
    for (let number = 0; number < 20; number += 1) assert.equal((await apex('10.0.1.0/24')).data[0], '192.0.2.1');
    await eventually('the control process is back', async () => (await gateway.status()).workers.length === 2);
  });
});

/** The zone's serial, from a port of its own. */
async function askOnce(port: number): Promise<string | undefined> {
  using client = new DnsClient(port);
  return (await client.askWithoutRetry('txt.mqtt.example.com', 'TXT')).data[0];
}

/** Asks for the zone's serial without a pause and without trying again, from a port of its own: workers share by port. */
class Asker {
  /** In the order of their first answers. */
  readonly serials = new Set<string | undefined>();
  serial: string | undefined;
  readonly #client: DnsClient;
  readonly #asking: Promise<unknown>;
  #isDone = false;

  constructor(port: number) {
    this.#client = new DnsClient(port);
    this.#asking = this.#ask().catch((error: unknown) => error);
  }

  /** Rejects with what went wrong meanwhile. */
  async finish(): Promise<void> {
    this.#isDone = true;
    const problem = await this.#asking;
    this.#client[Symbol.dispose]();
    if (problem !== undefined) throw problem;
  }

  async #ask(): Promise<void> {
    do {
      const { rcode, data } = await this.#client.askWithoutRetry('txt.mqtt.example.com', 'TXT');
      assert.equal(rcode, 'NOERROR');
      this.serial = data[0];
      this.serials.add(data[0]);
    } while (!this.#isDone);
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
