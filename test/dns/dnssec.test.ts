import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, test } from 'node:test';
import { type DecodedPacket, decode, type OptAnswer } from 'dns-packet';
import fc from 'fast-check';
import { failure } from '../../src/base/result.ts';
import { parseSigningKey } from '../../src/config/signing-key-file.ts';
import { denialSet, successor } from '../../src/dns/denial.ts';
import { dnskeyRdata, dsRdata, keyRecords, keyTag, type ZoneKey } from '../../src/dns/dnssec-key.ts';
import { lookUp } from '../../src/dns/lookup.ts';
import { parseMasterFile } from '../../src/dns/master-file.ts';
import { renderRdata } from '../../src/dns/rdata/rdata-text.ts';
import { parseType, rcode, recordType, renderRcode, renderType } from '../../src/dns/record-type.ts';
import { createResponder } from '../../src/dns/responder.ts';
import { signedOctets } from '../../src/dns/signature.ts';
import { createSignatureBudget, type PassingKind, type SignatureBudget } from '../../src/dns/signature-budget.ts';
import { signAnswer } from '../../src/dns/signed-answer.ts';
import { createSteering } from '../../src/dns/steering.ts';
import { labelsOf, nameKey, parseName, renderName, type WireName } from '../../src/dns/wire-name.ts';
import { createZone } from '../../src/dns/zone.ts';
import { createZoneAnswers } from '../../src/dns/zone-answers.ts';
import { compileZone } from '../../src/dns/zone-compiling.ts';
import { validityAt, ZoneSigner } from '../../src/dns/zone-signer.ts';
import { createZones } from '../../src/dns/zones.ts';
import { queryFor } from './query-bytes.ts';
import { ownNames, sampleFacts } from './steering-world.ts';

// RFC 6605 section 6.1.
const bindKey = `Private-key-format: v1.2
Algorithm: 13 (ECDSAP256SHA256)
PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=
`;
const bindPublic = `example.net. 3600 IN DNSKEY 257 3 13 (
  GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb
  krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA== )`.replace(/\n\s*/g, ' ');
const text = `$TTL 300
@ SOA ns h 1 1 1 1 60
@ NS ns
ns A 192.0.2.1
www CNAME a
a A 192.0.2.2
a A 192.0.2.3
x.ent A 192.0.2.4
mail MX 1 m1
mail MX 2 m2
mail MX 3 m3
mail MX 4 m4
m1 A 192.0.2.11
m2 A 192.0.2.12
m3 A 192.0.2.13
m4 A 192.0.2.14
*.w A 192.0.2.5
sub NS ns
safe NS ns.safe
ns.safe A 192.0.2.6
safe DS 1 13 2 ${'0'.repeat(64)}
dn DNAME a
MiX MX 1 A
`;
const nowMs = Date.UTC(2026, 10, 23, 12);
const origin = nameOf('example.net.');

function nameOf(name: string): WireName {
  const parsed = parseName(name);
  assert.ok(parsed.ok);
  return parsed.value;
}

function keyOf(privateText: string, publicText?: string): ZoneKey {
  const key = parseSigningKey(publicText === undefined ? { privateText } : { privateText, publicText });
  assert.ok(key.ok, key.ok ? '' : key.error);
  return key.value;
}

function signedZone(keys: readonly ZoneKey[], budget: SignatureBudget) {
  const parsed = parseMasterFile({ file: 'zone', text, origin });
  assert.ok(parsed.ok);
  const records = [...parsed.value, ...keyRecords(origin, keys, { records: parsed.value, ttl: 300 })];
  const created = createZone({ origin, records });
  assert.ok(created.ok);
  const { zone } = created.value;
  return { zone, steerings: [], signer: new ZoneSigner(zone, { keys, budget }) };
}

function signed(keys: readonly ZoneKey[], budget = { take: () => true }) {
  const { zone, signer } = signedZone(keys, budget);
  const zones = createZones([zone]);
  return (name: string, type: string, isCompactOk = false, atMs = nowMs) => {
    const question = { name: nameOf(name), key: nameKey(nameOf(name)), type: parseType(type) ?? -1 };
    return signAnswer(lookUp(zones, question), { type: question.type, isCompactOk }, signer, atMs);
  };
}

/** The same zone, with names of devices below `d`. */
function signedDevices(budget: SignatureBudget) {
  const keys = [keyOf(bindKey)];
  const rule = { ...ownNames, source: { addresses: ['192.0.2.1'] } };
  const compiled = compileZone({
    origin: 'example.net',
    file: 'zone',
    text,
    rules: [rule],
    keys,
    readInclude: () => failure('none'),
  });
  assert.ok(compiled.ok);
  const { zone } = compiled.value;
  const facts = sampleFacts({ plan: { cohorts: [] } });
  const signer = new ZoneSigner(zone, { keys, budget });
  const source = createZoneAnswers([{ zone, steerings: [createSteering(rule, facts)], signer }]);
  return (name: string, type: string, isCompactOk = false, atMs = nowMs) => {
    const wireName = nameOf(name);
    const question = {
      name: wireName,
      key: nameKey(wireName),
      type: parseType(type) ?? -1,
      isDnssecOk: true,
      isCompactOk,
    };
    const resolution = source.resolve(question, atMs);
    assert.ok(resolution.kind === 'fixed');
    return resolution.answer;
  };
}

type SignedAnswer = ReturnType<ReturnType<typeof signed>>;

/** `rcode` and each set as `owner type` with the types of its data where it is NSEC; an RRSIG as `+`. */
function summary({ rcode, answer, authority, additional }: SignedAnswer): string {
  const sections = [answer, authority, additional].map((sets) => {
    const words = sets.map(({ owner, type, rdatas: [rdata = new Uint8Array()] }) => {
      if (type === recordType.RRSIG) return '+';
      const name = renderName(owner).replace('example.net.', '');
      return `${name === '' ? '@' : name} ${renderType(type)}${type === recordType.NSEC ? `(${renderRdata(type, rdata)})` : ''}`;
    });
    return words.join(', ').replaceAll(', +', '+');
  });
  return [renderRcode(rcode), ...sections].join(' | ').trim();
}

describe('a key', () => {
  test('is read from the format of BIND, with its tag and DS (RFC 6605 section 6.1)', () => {
    const dnskey = dnskeyRdata(keyOf(bindKey, bindPublic));
    assert.equal(keyTag(dnskey), 55_648);
    assert.equal(
      renderRdata(recordType.DNSKEY, dnskey),
      '257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==',
    );
    assert.equal(
      renderRdata(recordType.DS, dsRdata(origin, dnskey)),
      '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17',
    );
  });

  test('is read from PEM, as of the entry point', () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = keyOf(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    assert.equal(key.flags, 257);
    const octets = Uint8Array.of(1, 2, 3);
    const check = { key: pair.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    assert.ok(verify('sha256', octets, check, key.sign(octets)));
  });

  const refusals: readonly (readonly [string, string, RegExp])[] = [
    ['not a key', 'hello', /^expected a private key: PKCS#8 in PEM/],
    ['another algorithm', bindKey.replace('13 (', '8 ('), /^expected the algorithm 13 .* got 8$/],
    ['a short scalar', bindKey.replace('GU6SnQ', ''), /^expected a PrivateKey of 32 octets/],
    ['a scalar of zero', bindKey.replace(/GU.*=/, `${'A'.repeat(43)}=`), /^expected a private key of the curve P-256$/],
    [
      'another curve',
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      /^expected a private key of the curve P-256$/,
    ],
  ];
  for (const [what, privateText, message] of refusals) {
    test(`that is ${what} is refused without a word of it`, () => {
      const parsed = parseSigningKey({ privateText });
      assert.ok(!parsed.ok);
      assert.match(parsed.error, message);
    });
  }

  test('is named by CDS and CDNSKEY unless the zone file has its own', () => {
    const key = keyOf(bindKey);
    const types = (records: Parameters<typeof keyRecords>[2]['records']) =>
      keyRecords(origin, [key], { records, ttl: 1 }).map(({ type }) => renderType(type));
    assert.deepEqual(types([]), ['DNSKEY', 'CDS', 'CDNSKEY']);
    const own = { owner: origin, type: recordType.CDS, ttl: 1, rdata: new Uint8Array(5), file: '', line: 0 };
    assert.deepEqual(types([own]), ['DNSKEY']);
  });
});

describe('a signed answer', () => {
  const ask = signed([keyOf(bindKey, bindPublic)]);
  const rows: readonly (readonly [string, string, string])[] = [
    ['a.example.net.', 'A', 'NOERROR | a. A+ |  |'],
    ['www.example.net.', 'A', 'NOERROR | www. CNAME+, a. A+ |  |'],
    ['example.net.', 'NS', 'NOERROR | @ NS+ |  | ns. A+'],
    ['foo.w.example.net.', 'A', 'NOERROR | foo.w. A+ |  |'],
    ['a.example.net.', 'TXT', 'NOERROR |  | @ SOA+, a. NSEC(\\000.a.example.net. A RRSIG NSEC)+ |'],
    ['foo.w.example.net.', 'TXT', 'NOERROR |  | @ SOA+, foo.w. NSEC(\\000.foo.w.example.net. A RRSIG NSEC)+ |'],
    ['ent.example.net.', 'A', 'NOERROR |  | @ SOA+, ent. NSEC(\\000.ent.example.net. RRSIG NSEC)+ |'],
    ['No.example.net.', 'A', 'NOERROR |  | @ SOA+, no. NSEC(\\000.no.example.net. RRSIG NSEC NXNAME)+ |'],
    ['x.sub.example.net.', 'A', 'NOERROR |  | sub. NS, sub. NSEC(\\000.sub.example.net. NS RRSIG NSEC)+ | ns. A+'],
    ['x.safe.example.net.', 'A', 'NOERROR |  | safe. NS, safe. DS+ | ns.safe. A'],
    ['sub.example.net.', 'DS', 'NOERROR |  | @ SOA+, sub. NSEC(\\000.sub.example.net. NS RRSIG NSEC)+ |'],
    ['safe.example.net.', 'DS', 'NOERROR | safe. DS+ |  |'],
    [
      'x.dn.example.net.',
      'A',
      'NOERROR | dn. DNAME+, x.dn. CNAME | @ SOA+, x.a. NSEC(\\000.x.a.example.net. RRSIG NSEC NXNAME)+ |',
    ],
    ['a.example.net.', 'NSEC', 'NOERROR | a. NSEC(\\000.a.example.net. A RRSIG NSEC)+ |  |'],
    ['a.example.net.', 'RRSIG', 'NOERROR | + |  |'],
    ['www.example.net.', 'NSEC', 'NOERROR | www. NSEC(\\000.www.example.net. CNAME RRSIG NSEC)+ |  |'],
    ['www.example.net.', 'RRSIG', 'NOERROR | + |  |'],
    ['ent.example.net.', 'RRSIG', 'NOERROR |  | @ SOA+, ent. NSEC(\\000.ent.example.net. RRSIG NSEC)+ |'],
    ['no.example.net.', 'NSEC', 'NOERROR |  | @ SOA+, no. NSEC(\\000.no.example.net. RRSIG NSEC NXNAME)+ |'],
    ['example.net.', 'A', 'NOERROR |  | @ SOA+, @ NSEC(\\000.example.net. NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY)+ |'],
  ];
  for (const [name, type, expected] of rows) {
    test(`${name} ${type}`, () => assert.equal(summary(ask(name, type)), expected));
  }

  test('says NXDOMAIN of a name that does not exist only to who sets the CO flag (RFC 9824 section 5.1)', () => {
    assert.match(summary(ask('no.example.net.', 'A', true)), /^NXDOMAIN /);
    assert.match(summary(ask('ent.example.net.', 'A', true)), /^NOERROR /);
  });

  test('is written with the CO flag to who set it beside DO', () => {
    const source = createZoneAnswers([signedZone([keyOf(bindKey)], { take: () => true })]);
    const respond = createResponder({});
    const asker = { address: Uint8Array.of(192, 0, 2, 1), transport: 'udp' } as const;
    const rows = [
      [0xc000, 'NXDOMAIN', 0xc000],
      [0x8000, 'NOERROR', 0x8000],
      [0x4000, 'NXDOMAIN', 0],
      [0, 'NXDOMAIN', 0],
    ] as const;
    for (const [flags, rcode, repeated] of rows) {
      const message = respond(queryFor('no.example.net.', 1, { flags }), asker, nowMs, source);
      const { rcode: got, additionals = [] } = decode(Buffer.from(message ?? [])) as DecodedPacket & { rcode: string };
      const opt = additionals.find(({ type }) => type === 'OPT') as OptAnswer | undefined;
      assert.deepEqual([flags, got, opt?.flags], [flags, rcode, repeated]);
    }
  });

  test('has signatures that verify by the DNSKEY, whatever the set, for the whole of their time', () => {
    for (const [name, type] of rows.filter(([, asked]) => asked !== 'RRSIG')) {
      const answer = ask(name, type);
      for (const sets of [answer.answer, answer.authority, answer.additional]) verifyAll(sets);
      assert.ok((answer.reusableUntilMs ?? 0) > nowMs);
    }
  });

  test('is signed by both keys of a pair, each its own part', () => {
    const zoneKey = keyOf(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      bindPublic.replace('257', '256'),
    );
    const ask2 = signed([keyOf(bindKey, bindPublic), zoneKey]);
    const tags = (name: string, type: string) => {
      const rrsig = ask2(name, type).answer.find((set) => set.type === recordType.RRSIG);
      return rrsig?.rdatas.map((rdata) => ((rdata[16] ?? 0) << 8) | (rdata[17] ?? 0));
    };
    assert.deepEqual(tags('example.net.', 'DNSKEY'), [55_648]);
    assert.deepEqual(tags('example.net.', 'CDS'), [55_648]);
    assert.deepEqual(tags('a.example.net.', 'A'), [keyTag(dnskeyRdata(zoneKey))]);
  });

  /** The RRSIG behind each set; that the octets are those of RFC 4034 is for delv to say (test/integration/nameserver). */
  function verifyAll(sets: SignedAnswer['answer']): void {
    const { publicKey } = keyOf(bindKey);
    const [x, y] = [publicKey.subarray(0, 32), publicKey.subarray(32)].map((half) =>
      Buffer.from(half).toString('base64url'),
    );
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, format: 'jwk' });
    for (const [
      index,
      {
        type,
        owner,
        rdatas: [rdata = new Uint8Array()],
      },
    ] of sets.entries()) {
      if (type !== recordType.RRSIG) continue;
      const covered = sets[index - 1] ?? assert.fail('an RRSIG before its set');
      const fieldsEnd = 18 + origin.length;
      const data = Buffer.concat([rdata.subarray(0, fieldsEnd), signedOctets(covered)]);
      assert.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, rdata.subarray(fieldsEnd)));
      assert.equal(rdata[3], labelsOf(owner).length);
      const view = new DataView(rdata.buffer, rdata.byteOffset);
      assert.ok(view.getUint32(12) <= nowMs / 1_000 - 3_600 && view.getUint32(8) >= nowMs / 1_000 + 3 * 86_400);
    }
  }
});

describe('signatures', () => {
  test('are made once in a period, and anew in the next', () => {
    const key = keyOf(bindKey);
    let count = 0;
    const counting = {
      ...key,
      sign: (octets: Uint8Array) => {
        count += 1;
        return key.sign(octets);
      },
    };
    const ask = signed([counting]);
    const first = ask('a.example.net.', 'A');
    ask('A.example.net.', 'A');
    assert.equal(count, 1);
    const untilMs = first.reusableUntilMs ?? 0;
    assert.ok(untilMs > nowMs && untilMs <= nowMs + 86_400_000);
    ask('a.example.net.', 'A', false, untilMs - 1);
    assert.equal(count, 1);
    ask('a.example.net.', 'A', false, untilMs);
    assert.equal(count, 2);
  });

  test('made while the clock was ahead are not given out after it was set back, nor are images with them', () => {
    const served = signedZone([keyOf(bindKey)], { take: () => true });
    const source = createZoneAnswers([served]);
    const respond = createResponder({});
    const asker = { address: Uint8Array.of(192, 0, 2, 1), transport: 'tcp' } as const;
    for (const name of ['a.example.net.', 'foo.w.example.net.', 'no.example.net.']) {
      for (const atMs of [nowMs + 30 * 86_400_000, nowMs]) {
        const message = respond(queryFor(name, 1, { flags: 0x8000 }), asker, atMs, source);
        const { answers = [], authorities = [] } = decode(Buffer.from(message ?? []));
        const signatures = [...answers, ...authorities].filter((one) => one.type === 'RRSIG');
        assert.ok(signatures.length > 0);
        for (const { data } of signatures) assert.ok(data.inception * 1_000 < atMs && data.expiration * 1_000 > atMs);
      }
    }
  });

  test('outlive a reload with the same keys, and only with them', () => {
    const taken: number[] = [];
    const budget: SignatureBudget = { take: (_kind, atMs) => taken.push(atMs) > 0 };
    const [one, other] = [signedZone([keyOf(bindKey)], budget), signedZone([keyOf(bindKey)], budget)];
    const newKey = keyOf(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    );
    const address = { type: recordType.A, ttl: 1, rdatas: [Uint8Array.of(1, 2, 3, 4)] };
    const wish = { isDenial: false, mayMake: true };
    const sets = [
      { ...wish, set: { ...address, owner: nameOf('a.example.net.') } },
      { ...wish, set: { ...address, owner: nameOf('device.example.net.') } },
    ];
    const heir = new ZoneSigner(other.zone, { keys: [keyOf(bindKey)], budget, former: one.signer });
    const stranger = new ZoneSigner(other.zone, { keys: [newKey], budget, former: one.signer });
    for (const set of sets) {
      const before = one.signer.signatures(set, nowMs);
      if (set === sets[1]) assert.equal(heir.signatures(set, nowMs), before);
      assert.notEqual(stranger.signatures(set, nowMs), before);
    }
    const last = new ZoneSigner(other.zone, { keys: [keyOf(bindKey)], budget, former: one.signer });
    for (const set of sets) assert.equal(last.signatures(set, nowMs), one.signer.signatures(set, nowMs));
    assert.equal(taken.length, 2);
  });

  test('of each kind of name have a budget of their own', () => {
    const taken: string[] = [];
    const ask = signedDevices({ take: (kind) => taken.push(kind) > 0 });
    ask('n1.example.net.', 'A');
    ask('n1.w.example.net.', 'A');
    ask('n1.w.example.net.', 'TXT');
    ask('meter-1.d.example.net.', 'A');
    ask('meter-1.d.example.net.', 'AAAA');
    ask('_x.d.example.net.', 'A');
    ask('a.example.net.', 'A');
    assert.deepEqual(taken, ['denial', 'wildcard', 'wildcard', 'new-device', 'new-device', 'denial']);
  });

  test('of devices that asked before are made while a flood of others uses up what there is', () => {
    const budget = createSignatureBudget(25);
    const ask = signedDevices(budget);
    const known = Array.from({ length: 10 }, (_, index) => `meter-${index}.d.example.net.`);
    for (const name of known) ask(name, 'A', false, nowMs);
    for (const name of known) ask(name, 'A', false, nowMs + 30_000);
    let refused = 0;
    for (let index = 0; index < 3_000; index += 1) {
      const atMs = nowMs + 40_000 + index / 10;
      for (const flood of [`r${index}.d`, `r${index}`, `r${index}.w`]) {
        if (ask(`${flood}.example.net.`, 'A', false, atMs).rcode === rcode.SERVFAIL) refused += 1;
      }
      // Another type: what was signed before does not do.
      const name = known[Math.floor(index / 300)] ?? '';
      if (index % 300 === 299) assert.match(summary(ask(name, 'TXT', false, atMs)), /NSEC\(.* A AAAA RRSIG NSEC\)\+/);
    }
    assert.ok(refused > 8_000, `${refused} refused`);
    const strangers = [91, 92, 93].map((number) => ask(`meter-${number}.d.example.net.`, 'A', false, nowMs + 40_300));
    assert.ok(strangers.some((answer) => answer.rcode === rcode.SERVFAIL));
  });

  test('of devices have four times the budget of wildcards and of names that do not exist', () => {
    const granted = (kind: PassingKind) => {
      const budget = createSignatureBudget(200);
      return Array.from({ length: 200 }, () => budget.take(kind, nowMs)).filter((isGranted) => isGranted).length;
    };
    assert.deepEqual([granted('denial'), granted('wildcard'), granted('new-device')], [20, 20, 80]);
    assert.equal(granted('known-device'), 160);
  });

  test('of addresses beside an answer are made a few at a time', () => {
    let made = 0;
    const key = keyOf(bindKey);
    const sign = (octets: Uint8Array) => {
      made += 1;
      return key.sign(octets);
    };
    const ask = signed([{ ...key, sign }]);
    const counts = Array.from({ length: 4 }, () => {
      const before = made;
      const { additional, reusableUntilMs = 0 } = ask('mail.example.net.', 'MX');
      return [made - before, additional.length, reusableUntilMs > nowMs];
    });
    assert.deepEqual(counts, [
      [2, 2, false],
      [2, 6, false],
      [1, 8, true],
      [0, 8, true],
    ]);
  });

  test('of names that are not in the zone have a budget; what is in it is answered beyond that', () => {
    let left = 2;
    const ask = signed([keyOf(bindKey)], {
      take: () => {
        left -= 1;
        return left >= 0;
      },
    });
    assert.match(summary(ask('n1.example.net.', 'A')), /NXNAME/);
    assert.match(summary(ask('n2.w.example.net.', 'A')), /n2\.w\. A\+/);
    const refused = ask('n3.example.net.', 'A');
    assert.equal(summary(refused), 'SERVFAIL |  |  |');
    assert.equal(refused.reusableUntilMs, 0);
    assert.match(summary(ask('n1.example.net.', 'A')), /NXNAME/);
    assert.match(summary(ask('a.example.net.', 'TXT')), /NSEC/);
  });

  test('are valid from an hour before they are made to three days after they are last given out', () => {
    const anyTime = fc.tuple(fc.integer({ min: 1_500_000_000, max: 4_000_000_000 }), fc.nat(86_399));
    fc.assert(
      fc.property(anyTime, ([seconds, offset]) => {
        const { inception, expiration } = validityAt(seconds, offset);
        assert.ok(inception <= seconds - 3_600 && expiration > seconds + 3 * 86_400);
        assert.equal(expiration - inception, 4 * 86_400 + 3_600);
      }),
    );
  });
});

describe('the next name', () => {
  test('is greater in canonical order and a name, also where names cannot grow', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 }).map((octets) => [octets.length, ...octets.map(lower)]);
    const long = fc.array(label, { minLength: 1, maxLength: 12 }).map((labels) => {
      const kept: number[][] = [];
      for (const one of labels) if (kept.flat().length + one.length < 255) kept.push(one);
      return Uint8Array.from([...kept.flat(), 0]);
    });
    fc.assert(
      fc.property(long, (name) => {
        const next = successor(name);
        assert.ok(next.length <= 255 && labelsOf(next).every(({ length }) => length <= 63));
        assert.ok(compareCanonical(name, next) < 0);
        assert.deepEqual(
          next,
          next.map((octet, index) => (isLengthAt(next, index) ? octet : lower(octet))),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  test('of a name of 255 octets counts up its last octet', () => {
    const full = nameOf(`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}.`);
    assert.equal(full.length, 255);
    assert.equal(renderName(successor(full)).slice(60, 64), 'aab.');
    const [set] = [denialSet(full, [], 1)];
    assert.equal(set?.rdatas.length, 1);
  });

  function lower(octet: number): number {
    return octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
  }

  function isLengthAt(name: WireName, index: number): boolean {
    let at = 0;
    while (at < index) at += 1 + (name[at] ?? 0);
    return at === index;
  }

  function compareCanonical(one: WireName, other: WireName): number {
    const [left, right] = [one, other].map((name) => [...labelsOf(name)].reverse());
    for (const [index, label] of (left ?? []).entries()) {
      const against = right?.[index];
      if (against === undefined) return 1;
      const order = Buffer.compare(label, against);
      if (order !== 0) return order;
    }
    return (left?.length ?? 0) - (right?.length ?? 0);
  }
});
