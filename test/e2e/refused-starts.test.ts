import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSqlitePlanStore } from '../../src/plan/store/sqlite-plan-store.ts';
import { likelyFreePort, temporaryDirectory } from '../integration/spawned-process.ts';
import { FaultWorld } from './fault-world.ts';
import { launchGateway, type Sections, writeConfiguration } from './gateway-process.ts';

const world = await FaultWorld.start({
  sections: { listeners: [{ name: 'plain', bind: `127.0.0.1:${likelyFreePort()}` }] },
});
after(() => world[Symbol.asyncDispose]());

const brokers = { legacy: { url: 'mqtt://127.0.0.1:9' }, target: { url: 'mqtt://127.0.0.1:9' } };

/** Starts a gateway that must not start: its exit code and what it printed. */
async function refusedStart(directory: string, sections?: Sections): Promise<{ code: number | null; text: string }> {
  if (sections !== undefined) await writeConfiguration(directory, sections);
  const spawned = launchGateway(directory);
  const { code } = await spawned.exited;
  const text = spawned.lines.join('\n');
  assert.doesNotMatch(text, /"event":"ready"/);
  return { code, text };
}

async function isBound(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test('a second gateway on the same store is refused, and the first one notices nothing', async () => {
  await using device = await world.device('undisturbed');
  await using directory = await temporaryDirectory();
  const port = likelyFreePort();
  const { code, text } = await refusedStart(directory.path, {
    ...{ brokers, listeners: [{ name: 'plain', bind: `127.0.0.1:${port}` }] },
    store: { path: join(world.directory, 'crossfade.db') },
  });
  assert.equal(code, 1);
  assert.match(text, /crossfade\.db is in use by another gateway: stop that one first/);
  assert.equal(await isBound(port), false);
  await device.echo();
  assert.equal((await world.cutover(0)).state, 'done');
});

test('a second gateway on the same port is refused, although workers share theirs', async () => {
  await using directory = await temporaryDirectory();
  const bind = `127.0.0.1:${world.gateway.port}`;
  const { code, text } = await refusedStart(directory.path, { brokers, listeners: [{ name: 'plain', bind }] });
  assert.equal(code, 1);
  assert.match(text, new RegExp(`${bind} is in use: is another gateway or bridge running\\?`));
});

test('an admin port that is in use is refused, and no listener stays bound', async () => {
  await using directory = await temporaryDirectory();
  const port = likelyFreePort();
  const bind = new URL(world.gateway.adminUrl).host;
  const { code, text } = await refusedStart(directory.path, {
    ...{ brokers, listeners: [{ name: 'plain', bind: `127.0.0.1:${port}` }] },
    admin: { bind, tokens: [{ name: 'ops', role: 'admin', token: 'another-token' }] },
  });
  assert.equal(code, 1);
  assert.ok(text.includes(bind), text);
  assert.match(text, /in use/);
  assert.equal(await isBound(port), false);
});

test('a port that another program has is refused', async () => {
  await using directory = await temporaryDirectory();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const { code, text } = await refusedStart(directory.path, {
    ...{ brokers, listeners: [{ name: 'plain', bind: `127.0.0.1:${port}` }] },
  });
  other.close();
  assert.equal(code, 1);
  assert.match(text, new RegExp(`127\\.0\\.0\\.1:${port} is in use`));
});

test('a corrupt store is refused and left as it is', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'crossfade.db');
  const garbage = Buffer.alloc(8_192, 'this is no database ');
  await writeFile(path, garbage);
  const port = likelyFreePort();
  const { code, text } = await refusedStart(directory.path, {
    ...{ brokers, listeners: [{ name: 'plain', bind: `127.0.0.1:${port}` }] },
  });
  assert.equal(code, 1);
  assert.match(text, /crossfade\.db/);
  assert.match(text, /not a database|malformed|corrupt/);
  assert.equal(await isBound(port), false);
  assert.deepEqual(await readFile(path), garbage);
});

test('a lost store is not taken for a new one where create is false', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'crossfade.db');
  const { code, text } = await refusedStart(directory.path, {
    brokers,
    store: { path: 'crossfade.db', create: false },
  });
  assert.equal(code, 1);
  assert.match(text, /crossfade\.db/);
  assert.match(text, /does not exist|no plan store|create/);
  await assert.rejects(readFile(path));
});

test('a configuration with mistakes ends with 64 before anything is bound', async () => {
  await using directory = await temporaryDirectory();
  const port = likelyFreePort();
  const { code, text } = await refusedStart(directory.path, {
    ...{ brokers, listeners: [{ name: 'plain', bind: `127.0.0.1:${port}` }] },
    ...{ plan: { default: 'nowhere' }, workers: 'many' },
  });
  assert.equal(code, 64);
  assert.match(text, /crossfade\.yaml:\d+:\d+ plan\.default: .*"nowhere"/);
  assert.match(text, /workers: .*"many"/);
  assert.equal(await isBound(port), false);
});

test('a part of a split that has a share and is not configured any more is refused', async () => {
  await using directory = await temporaryDirectory();
  const store = openSqlitePlanStore({ path: join(directory.path, 'crossfade.db'), create: true });
  assert.ok(store.ok);
  const splits = [{ name: 'front-door', weights: { gateway: 5_000, bypass: 5_000 } }];
  const plan = {
    salt: 'faults',
    identity: ['mqtt.clientId'],
    default: 'legacy',
    overrides: [],
    cohorts: [],
    splits,
  } as const;
  assert.ok((await store.value.compareAndSet(0, { plan, at: 0, author: 'operator', reason: '' })).ok);
  await store.value.close();
  await writeFile(join(directory.path, 'mqtt.zone'), '$TTL 1\n@ SOA ns1 h 1 1 1 1 1\n@ NS ns1\nns1 A 127.0.0.1\n');
  const parts = { gateway: { sites: 'all', allDown: 'answer-all' }, old: { addresses: ['192.0.2.1'] } };
  const steering = [{ owner: '@', by: 'split', split: 'front-door', parts }];
  const { code, text } = await refusedStart(directory.path, {
    ...{ brokers, store: { path: 'crossfade.db' }, sites: [{ name: 'here', addresses: ['192.0.2.20'] }] },
    nameserver: { bind: ['127.0.0.1:0'], zones: [{ origin: 'mqtt.example.com', file: 'mqtt.zone', steering }] },
  });
  assert.equal(code, 1);
  assert.match(
    text,
    /split \\?"front-door\\?" gives 50% to part \\?"bypass\\?", which the steering of @ .* does not have/,
  );
});

test('parts of a split that change places are refused, whatever order the first plan had them in', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(join(directory.path, 'mqtt.zone'), '$TTL 1\n@ SOA ns1 h 1 1 1 1 1\n@ NS ns1\nns1 A 127.0.0.1\n');
  const [one, two] = [{ addresses: ['192.0.2.1'] }, { addresses: ['192.0.2.2'] }];
  const sections = (parts: object, weights: object): Sections => ({
    ...{ brokers, store: { path: 'crossfade.db' }, listeners: [{ name: 'plain', bind: '127.0.0.1:0' }] },
    plan: { default: 'legacy', cohorts: [], splits: [{ name: 'front-door', weights }] },
    nameserver: {
      bind: ['127.0.0.1:0'],
      zones: [
        {
          ...{ origin: 'mqtt.example.com', file: 'mqtt.zone' },
          steering: [{ owner: '@', by: 'split', split: 'front-door', parts }],
        },
      ],
    },
  });
  await writeConfiguration(directory.path, sections({ one, two }, { two: 9_000, one: 1_000 }));
  for (let start = 0; start < 2; start += 1) {
    const spawned = launchGateway(directory.path);
    await spawned.line('"event":"ready"');
    assert.equal((await spawned.stop()).code, 0);
  }
  const { code, text } = await refusedStart(directory.path, sections({ two, one }, { two: 9_000, one: 1_000 }));
  assert.equal(code, 1);
  assert.match(text, /split \\?"front-door\\?" has its parts in the order one, two, .* in the order two, one/);
});

test('another salt than the store’s is refused: it would move the whole fleet', async () => {
  await using directory = await temporaryDirectory();
  await world.gateway.stop();
  const fleet = { domain: 'mqtt.example.com', identity: ['mqtt.clientId'], salt: 'another' };
  const store = { path: join(world.directory, 'crossfade.db') };
  const { code, text } = await refusedStart(directory.path, { brokers, fleet, store });
  assert.equal(code, 1);
  assert.match(text, /fleet\.salt is "another" in the configuration and "faults" in revision \d+/);
  await rm(join(world.directory, 'crossfade.db'));
});
