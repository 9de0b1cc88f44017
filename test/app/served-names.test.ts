import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { ServedNames } from '../../src/app/served-names.ts';
import type { ZoneMaterial } from '../../src/config/zone-material.ts';
import { recordType } from '../../src/dns/record-type.ts';
import { nameKey } from '../../src/dns/wire-name.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { nameOf } from '../dns/query-bytes.ts';
import { snapshotOf } from '../plan/sample-plan.ts';

const log = createLogger({ level: 'silent', component: 'test' });
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const privateText = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const zone = { origin: 'example.com', file: '/zone', steering: [], dnssec: { keys: ['/key'] } };

function material(serial: number, lines = ''): ZoneMaterial {
  const text = `$TTL 300\n@ SOA ns h ${serial} 2 3 4 60\n@ NS ns\nns A 192.0.2.1\ntxt TXT ${serial}\n${lines}`;
  const keys = [{ file: '/key', privateText }];
  return { origin: 'example.com', file: '/zone', texts: { '/zone': text }, keys, serial, warnings: [], mistakes: [] };
}

function serve(first: ZoneMaterial): ServedNames {
  const names = new ServedNames({
    ...{ nameserver: { zones: [zone] }, sites: [], zones: [first], signaturesPerSecond: 1, log },
  });
  names.adoptPlan(snapshotOf({}));
  names.adoptNotes({ conditions: {}, aliases: {} });
  return names;
}

function ask(names: ServedNames, name: string, type: number) {
  const wireName = nameOf(name);
  const question = { name: wireName, key: nameKey(wireName), type, isDnssecOk: true, isCompactOk: false };
  const resolution = names.source?.resolve(question, 1_764_000_000_000);
  assert.ok(resolution?.kind === 'fixed');
  return resolution.answer.answer;
}

const text = (names: ServedNames) =>
  Buffer.from(ask(names, 'txt.example.com.', recordType.TXT)[0]?.rdatas[0] ?? [])
    .subarray(1)
    .toString();

describe('zones that are read again', () => {
  test('leave the event loop to others, and the old zone answers until they are ready', async () => {
    const names = serve(material(1));
    const lines = Array.from({ length: 20_000 }, (_, index) => `h${index} A 192.0.2.1\n`).join('');
    const adopted = names.adoptZones([material(2, lines)]);
    let turns = 0;
    let isAdopted = false;
    void adopted.then(() => {
      isAdopted = true;
    });
    while (!isAdopted) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isAdopted) break;
      turns += 1;
      assert.equal(text(names), '1');
    }
    assert.ok(turns > 5, `${turns} turns`);
    assert.equal(text(names), '2');
  });

  test('are adopted one after the other, and a mistake leaves the one before', async () => {
    const names = serve(material(1));
    const all = [names.adoptZones([material(2)]), names.adoptZones([material(3, 'bad A x\n')]), names.adoptZones([])];
    // What says that zones are served anew must not say it of one that was refused.
    assert.deepEqual(await Promise.all(all), [['example.com'], [], []]);
    assert.equal(text(names), '2');
  });

  test('keep what was signed, and are not compiled where nothing changed', async () => {
    const names = serve(material(1));
    const [, before] = ask(names, 'ns.example.com.', recordType.A);
    const [compiled] = names.zones;
    await names.adoptZones([material(1)]);
    assert.equal(names.zones[0], compiled);
    await names.adoptZones([material(2)]);
    assert.notEqual(names.zones[0], compiled);
    const [, after] = ask(names, 'ns.example.com.', recordType.A);
    assert.equal(after, before);
  });
});
