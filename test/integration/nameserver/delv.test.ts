import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parseSigningKey } from '../../../src/config/signing-key-file.ts';
import { dnskeyRdata, keyRecords, type ZoneKey } from '../../../src/dns/dnssec-key.ts';
import { renderRdata } from '../../../src/dns/rdata/rdata-text.ts';
import { recordType } from '../../../src/dns/record-type.ts';
import { createSignatureBudget } from '../../../src/dns/signature-budget.ts';
import { createZone } from '../../../src/dns/zone.ts';
import { createZoneAnswers, type ServedZone } from '../../../src/dns/zone-answers.ts';
import { ZoneSigner } from '../../../src/dns/zone-signer.ts';
import { matrixRecords } from '../../dns/knot-matrix.ts';
import { type ServerUnderTest, startOurServer } from './zone-server.ts';

const run = promisify(execFile);

function createKey(flags: number): ZoneKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = parseSigningKey({
    privateText: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicText: `example.test. IN DNSKEY ${flags} 3 13 \n`,
  });
  assert.ok(key.ok, key.ok ? '' : key.error);
  return key.value;
}

/** The first zone of the matrix, signed. */
function signedZone(keys: readonly ZoneKey[]): ServedZone {
  const { origin, records } = matrixRecords('example.test');
  const created = createZone({ origin, records: [...records, ...keyRecords(origin, keys, { records, ttl: 3_600 })] });
  assert.ok(created.ok);
  const { zone } = created.value;
  const budget = createSignatureBudget(1_000);
  return { zone, steerings: [], signer: new ZoneSigner(zone, { keys, budget }) };
}

const positive = ['; fully validated'];
const negative = ['; negative response, fully validated'];

for (const [what, flags] of [
  ['one key', [257]],
  ['a key for keys and one for the rest', [257, 256]],
] as const) {
  describe(`a zone signed with ${what}`, () => {
    const keys = flags.map(createKey);
    let server: ServerUnderTest;
    let folder: string;
    before(async () => {
      server = await startOurServer(createZoneAnswers([signedZone(keys)]));
      folder = await mkdtemp(join(tmpdir(), 'delv-'));
      const [entry = assert.fail()] = keys;
      const [, , , ...publicKey] = renderRdata(recordType.DNSKEY, dnskeyRdata(entry)).split(' ');
      const anchor = `"example.test." static-key 257 3 13 "${publicKey.join('')}";`;
      await writeFile(join(folder, 'anchors'), `trust-anchors { ${anchor} };\n`);
    });
    after(async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    const rows: readonly (readonly [string, string, readonly string[]])[] = [
      ['example.test', 'SOA', positive],
      ['example.test', 'DNSKEY', positive],
      ['example.test', 'CDS', positive],
      ['example.test', 'CDNSKEY', positive],
      ['example.test', 'MX', positive],
      ['example.test', 'NS', positive],
      ['example.test', 'CAA', positive],
      ['example.test', 'HTTPS', positive],
      ['UPPER.Example.Test', 'A', positive],
      ['many.example.test', 'A', positive],
      ['_mqtt._tcp.example.test', 'SRV', positive],
      ['naptr.example.test', 'NAPTR', positive],
      ['svcb.example.test', 'SVCB', positive],
      ['unknown.example.test', 'TYPE65280', positive],
      ['www.example.test', 'AAAA', positive],
      ['www.example.test', 'NSEC', positive],
      ['foo.cwild.example.test', 'NSEC', positive],
      ['foo.wild.example.test', 'A', positive],
      ['a.b.c.wild.example.test', 'TXT', positive],
      ['*.wild.example.test', 'A', positive],
      ['foo.cwild.example.test', 'A', positive],
      ['a.dn.example.test', 'A', positive],
      ['sub.example.test', 'DS', positive],
      ['web.example.test', 'TXT', negative],
      ['foo.wild.example.test', 'AAAA', negative],
      ['ent.example.test', 'A', negative],
      ['nothere.example.test', 'A', negative],
      ['x.y.nothere.example.test', 'MX', negative],
      ['below.web.example.test', 'A', negative],
      ['ext.example.test', 'DS', negative],
      [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(48)}.example.test`, 'A', negative],
    ];
    for (const [name, type, expected] of rows) {
      test(`delv validates ${name} ${type}`, async () => {
        const anchors = ['-a', join(folder, 'anchors'), '+root=example.test'];
        const { stdout, stderr } = await run('delv', ['@127.0.0.1', '-p', String(server.port), ...anchors, name, type]);
        const verdicts = stdout.split('\n').filter((line) => /^; .*(?:validated|unsigned|trust)/.test(line));
        assert.deepEqual([...new Set(verdicts)], expected, stdout + stderr);
      });
    }

    test('delv refuses an answer under another anchor', async () => {
      const other = join(folder, 'others');
      const [, , , ...publicKey] = renderRdata(recordType.DNSKEY, dnskeyRdata(createKey(257))).split(' ');
      await writeFile(other, `trust-anchors { "example.test." static-key 257 3 13 "${publicKey.join('')}"; };\n`);
      const anchors = ['-a', other, '+root=example.test'];
      const { stdout, stderr } = await run('delv', [
        '@127.0.0.1',
        '-p',
        String(server.port),
        ...anchors,
        'web.example.test',
      ]);
      assert.match(stdout + stderr, /resolution failed: (?:broken trust chain|no valid)/);
    });

    const flagRows: readonly (readonly [string, readonly string[], RegExp])[] = [
      ['NXDOMAIN without DO', [], /status: NXDOMAIN/],
      ['NOERROR with DO', ['+dnssec'], /status: NOERROR.*RRSIG NSEC (?:NXNAME|TYPE128)/s],
    ];
    for (const [title, options, expected] of flagRows) {
      test(`dig sees ${title} for a name that does not exist`, async () => {
        const { stdout } = await run('dig', [
          '@127.0.0.1',
          '-p',
          String(server.port),
          '+norec',
          ...options,
          'no.example.test',
        ]);
        assert.match(stdout, expected);
      });
    }
  });
}
