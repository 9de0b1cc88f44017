import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from '../../src/dns/answer.ts';
import type { AskingNetwork } from '../../src/dns/asking-network.ts';
import { parseMasterFile } from '../../src/dns/master-file.ts';
import { renderRdata } from '../../src/dns/rdata/rdata-text.ts';
import { parseType, renderRcode, renderType } from '../../src/dns/record-type.ts';
import { steeredAddresses } from '../../src/dns/steered-addresses.ts';
import type { Steering, SteeringDecision } from '../../src/dns/steering-decision.ts';
import { nameKey, parseName, renderName, type WireName } from '../../src/dns/wire-name.ts';
import { createZone } from '../../src/dns/zone.ts';
import { createZoneAnswers } from '../../src/dns/zone-answers.ts';

const text = `$TTL 300
@ SOA ns h 1 1 1 1 60
@ NS ns
@ MX 10 @
@ MX 20 split
ns A 192.0.2.1
www CNAME split
split TXT "here"
`;
const origin = nameOf('example.com.');
const part = { part: 'p' };
const even: SteeringDecision = {
  kind: 'addresses',
  addresses: steeredAddresses(['192.0.2.10', '2001:db8::10']),
  from: part,
};
const odd: SteeringDecision = { kind: 'addresses', addresses: steeredAddresses(['192.0.2.11']), from: part };
const device: SteeringDecision = {
  kind: 'addresses',
  addresses: steeredAddresses(['192.0.2.20']),
  from: { side: 'source' },
};

/** By the first octet of the network; scope 24. */
function split(owner: string): Steering {
  return {
    rule: { owner, by: 'split', ttl: 30, split: 's', parts: {} },
    dependsOnNetwork: true,
    decide: (_labels, { address }) => ((address[0] ?? 0) % 2 === 0 ? even : odd),
    scopeOf: () => 24,
  };
}

const devices: Steering = {
  rule: { owner: '*.d', by: 'cohort', ttl: 20, label: 'cn', source: { addresses: [] }, target: { addresses: [] } },
  dependsOnNetwork: false,
  decide: (labels) => {
    const words = labels.map((label) => Buffer.from(label).toString('latin1')).join('.');
    if (words === 'above') return { kind: 'above-devices' };
    if (words === 'unresolved') return { kind: 'unresolved', alias: 'x', from: { side: 'target' } };
    return words === 'meter-1' || words === 'x--a.b' ? device : { kind: 'no-device' };
  },
  scopeOf: () => 0,
};

const parsed = parseMasterFile({ file: 'zone', text, origin });
assert.ok(parsed.ok);
const created = createZone({
  origin,
  records: parsed.value,
  steered: ['example.com.', 'split.example.com.', '*.d.example.com.'].map(nameOf),
});
assert.ok(created.ok);
const source = createZoneAnswers([{ zone: created.value.zone, steerings: [split('@'), split('split'), devices] }]);

function nameOf(name: string): WireName {
  const wire = parseName(name);
  assert.ok(wire.ok);
  return wire.value;
}

function resolve(name: string, type: string) {
  const wire = nameOf(name);
  const question = {
    name: wire,
    key: nameKey(wire),
    type: parseType(type) ?? -1,
    isDnssecOk: false,
    isCompactOk: false,
  };
  return source.resolve(question, 0);
}

function network(first: number): AskingNetwork {
  return { address: Uint8Array.of(first, 0, 0, 0), prefixLength: 24 };
}

function summary({ rcode, answer, authority, additional }: Answer): string {
  const sections = [answer, authority, additional].map((sets) =>
    sets.map(({ owner, type, ttl, rdatas }) => {
      const data = type === 6 ? '' : rdatas.map((rdata) => ` ${renderRdata(type, rdata)}`).join();
      return `${renderName(owner)} ${ttl} ${renderType(type)}${data}`;
    }),
  );
  return [renderRcode(rcode), ...sections.map((lines) => lines.join(', '))].join(' | ').trim();
}

function fixed(name: string, type: string): string {
  const resolution = resolve(name, type);
  assert.equal(resolution.kind, 'fixed');
  return resolution.kind === 'fixed' ? summary(resolution.answer) : '';
}

function chosen(name: string, type: string, first: number): string {
  const resolution = resolve(name, type);
  assert.ok(resolution.kind === 'varies');
  const { choices } = resolution;
  return `${summary(choices.answerFor(choices.choose(network(first)), 0))} /${choices.scopeOf(network(first))}`;
}

describe('answers of steered zones', () => {
  test('are the same for everybody where nothing steered is touched', () => {
    assert.equal(fixed('ns.example.com.', 'A'), 'NOERROR | ns.example.com. 300 A 192.0.2.1 |  |');
    assert.equal(fixed('no.example.com.', 'A'), 'NXDOMAIN |  | example.com. 60 SOA |');
    assert.equal(fixed('example.net.', 'A'), 'REFUSED |  |  |');
    assert.equal(fixed('d.example.com.', 'A'), 'NOERROR |  | example.com. 60 SOA |');
  });

  test('depend on who asks, at the end of a chain too', () => {
    assert.equal(chosen('split.example.com.', 'A', 2), 'NOERROR | split.example.com. 30 A 192.0.2.10 |  | /24');
    assert.equal(chosen('split.example.com.', 'A', 3), 'NOERROR | split.example.com. 30 A 192.0.2.11 |  | /24');
    assert.equal(chosen('SPLIT.example.com.', 'AAAA', 2), 'NOERROR | split.example.com. 30 AAAA 2001:db8::10 |  | /24');
    assert.equal(chosen('split.example.com.', 'AAAA', 3), 'NOERROR |  | example.com. 30 SOA | /24');
    assert.equal(chosen('split.example.com.', 'ANY', 3), 'NOERROR | split.example.com. 30 A 192.0.2.11 |  | /24');
    assert.equal(
      chosen('www.example.com.', 'A', 3),
      'NOERROR | www.example.com. 300 CNAME split.example.com., split.example.com. 30 A 192.0.2.11 |  | /24',
    );
  });

  test('of types that are not steered are the same for everybody at a steered name too (RFC 7871 section 7.2.1)', () => {
    assert.equal(fixed('split.example.com.', 'TXT'), 'NOERROR | split.example.com. 300 TXT "here" |  |');
    assert.equal(fixed('split.example.com.', 'MX'), 'NOERROR |  | example.com. 60 SOA |');
    assert.equal(fixed('example.com.', 'SOA'), 'NOERROR | example.com. 300 SOA |  |');
  });

  test('have steered addresses of what MX points to', () => {
    assert.equal(
      chosen('example.com.', 'MX', 3),
      'NOERROR | example.com. 300 MX 10 example.com., 20 split.example.com. |  | example.com. 30 A 192.0.2.11, split.example.com. 30 A 192.0.2.11 /24',
    );
  });

  test('are chosen by the same object for the same answer', () => {
    for (const [name, type] of [
      ['split.example.com.', 'A'],
      ['example.com.', 'MX'],
    ] as const) {
      const resolution = resolve(name, type);
      assert.ok(resolution.kind === 'varies');
      const [two, four, three] = [2, 4, 3].map((first) => resolution.choices.choose(network(first)));
      assert.equal(two, four);
      assert.notEqual(two, three);
    }
  });

  test('of devices are the same for everybody, by all labels before the wildcard, in any case', () => {
    assert.equal(fixed('meter-1.d.example.com.', 'A'), 'NOERROR | meter-1.d.example.com. 20 A 192.0.2.20 |  |');
    assert.equal(fixed('x--a.b.d.example.com.', 'A'), 'NOERROR | x--a.b.d.example.com. 20 A 192.0.2.20 |  |');
    assert.equal(fixed('meter-1.d.example.com.', 'AAAA'), 'NOERROR |  | example.com. 20 SOA |');
    assert.equal(fixed('meter-1.d.example.com.', 'TXT'), 'NOERROR |  | example.com. 60 SOA |');
    assert.equal(fixed('meter-1.d.example.com.', 'ANY'), 'NOERROR | meter-1.d.example.com. 20 A 192.0.2.20 |  |');
  });

  test('of what is no device are NXDOMAIN, whatever the type', () => {
    for (const type of ['A', 'AAAA', 'TXT', 'ANY']) {
      assert.equal(fixed('what.d.example.com.', type), 'NXDOMAIN |  | example.com. 60 SOA |');
    }
  });

  test('of what lies above devices are NODATA, whatever the type (RFC 8020)', () => {
    for (const type of ['A', 'AAAA', 'TXT', 'ANY']) {
      assert.equal(fixed('above.d.example.com.', type), 'NOERROR |  | example.com. 60 SOA |');
    }
  });

  test('that an alias was never resolved for are SERVFAIL, and say why', () => {
    assert.equal(fixed('unresolved.d.example.com.', 'A'), 'SERVFAIL |  |  |');
    const resolution = resolve('unresolved.d.example.com.', 'A');
    assert.ok(resolution.kind === 'fixed');
    assert.equal(resolution.answer.authoritative, false);
    // RFC 8914: "Other", for whoever reads the answer by hand.
    assert.deepEqual(
      resolution.answer.extendedErrors?.map(({ infoCode }) => infoCode),
      [0],
    );
  });
});
