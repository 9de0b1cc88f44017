import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failure } from '../../src/base/result.ts';
import { compileZone, compilingSteps } from '../../src/dns/zone-compiling.ts';

const records = 20_000;
const lines = Array.from({ length: records }, (_, index) => `host-${index}.sub${index % 100} A 192.0.2.${index & 255}`);
const text = ['$TTL 300', '@ SOA ns h 1 2 3 4 60', '@ NS ns', 'ns A 192.0.2.1', ...lines, ''].join('\n');

/** Milliseconds of each step. */
function timesOfSteps(): readonly number[] {
  const steps = compilingSteps({
    ...{ origin: 'example.com', file: 'zone', text, rules: [], keys: [] },
    readInclude: () => failure('nothing is included'),
  });
  const times: number[] = [];
  for (;;) {
    const beganMs = performance.now();
    const step = steps.next();
    times.push(performance.now() - beganMs);
    if (step.done !== true) continue;
    assert.ok(step.value.ok);
    return times;
  }
}

describe('a large zone', () => {
  test('is compiled in steps, none of which holds others up', () => {
    // The least of several: what the machine does besides meets another step in each.
    const rounds = [timesOfSteps(), timesOfSteps(), timesOfSteps(), timesOfSteps()];
    const least = (rounds[0] ?? []).map((_, step) => Math.min(...rounds.map((times) => times[step] ?? 0)));
    assert.ok(least.length > (4 * records) / 64, `${least.length} steps`);
    assert.ok(Math.max(...least) < 10, `${Math.max(...least)} ms`);
  });
});

describe('the mistakes of a zone file', () => {
  const head = '$TTL 300\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n';
  const rows: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
    [
      'lines that cannot be read are told beside what is wrong with the others',
      `${head}a A 300.0.0.1\nb CNAME c\nb A 192.0.2.2\nelsewhere.test. A 192.0.2.3\n`,
      [
        'zone:5: A: expected an IPv4 address, got "300.0.0.1"',
        'zone:8: expected names of example.com., got elsewhere.test.',
        'zone:6: expected nothing beside the CNAME of b.example.com. (RFC 1034 section 3.6.2), got A',
      ],
    ],
    [
      'a CNAME beside other data is told too',
      `${head}a A 300.0.0.1\nb CNAME c\nb A 192.0.2.2\n`,
      [
        'zone:5: A: expected an IPv4 address, got "300.0.0.1"',
        'zone:6: expected nothing beside the CNAME of b.example.com. (RFC 1034 section 3.6.2), got A',
      ],
    ],
    [
      'what may stand in a line that cannot be read is not missed',
      `$TTL 300\n@ SOA ns h 1 2 3 4\n@ NS ns\nns A 192.0.2\nsub NS\nsub DS 1 13 2 ${'00'.repeat(32)}\n`,
      [
        'zone:2: SOA: expected the negative TTL in seconds or as 1h30m, got the end of the record',
        'zone:4: A: expected an IPv4 address, got "192.0.2"',
        'zone:5: NS: expected a domain name, got the end of the record',
      ],
    ],
    [
      "records behind an owner that cannot be read are nobody's",
      `${head}b A 192.0.2.2\na..b A 192.0.2.3\n  CNAME c\n`,
      ['zone:6: expected a label between the dots of "a..b"'],
    ],
    [
      'names behind an origin that cannot be read are not judged',
      `${head}$ORIGIN a..b\nc CNAME d\nc A 192.0.2.2\n`,
      ['zone:5: expected a label between the dots of "a..b"'],
    ],
  ];
  for (const [what, content, expected] of rows) {
    test(what, () => {
      const compiled = compileZone({
        ...{ origin: 'example.com', file: 'zone', text: content, rules: [], keys: [] },
        readInclude: () => failure('nothing is included'),
      });
      assert.ok(!compiled.ok);
      assert.deepEqual(compiled.error, expected);
    });
  }
});
