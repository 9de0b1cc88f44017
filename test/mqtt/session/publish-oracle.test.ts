import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import { mutate, randomOf } from '../mutation.ts';
import { askOracle } from '../oracle/oracle-verdict.ts';
import { anyPublish, recordedMachine } from './machine-input.ts';
import { ModelReader } from './model-packets.ts';
import { settingOf, versions } from './session-setting.ts';

/** A setting for each version whose broker speaks the same and takes what MQTT allows. */
const settings = new Map(versions.map((version) => [version, plainSetting(version)]));

function plainSetting(version: ProtocolVersion) {
  const { device, upstream, ...rest } = settingOf(0);
  const told = { ...device.told, receiveMaximum: 65_535, topicAliasMaximum: 65_535, maximumPacketSize: 268_435_460 };
  const { upstream: plain } = anyPlain();
  return {
    ...rest,
    device: { ...device, protocol: version, told: { ...told, maximumQos: 2 as const } },
    upstream: { ...plain, protocol: version },
  };
}

/** A `mqtt` profile with a wide window and QoS 2. */
function anyPlain() {
  for (let bits = 0; ; bits += 1) {
    const setting = settingOf(Math.imul(bits, 0x9e37_79b1) >>> 0);
    const { capabilities, profile } = setting.upstream;
    if (!setting.isAws && capabilities.maximumQos === 2 && capabilities.maximumPacketSize === profile.maxPacketBytes) {
      return setting;
    }
  }
}

/** Whether one device's PUBLISH goes on; undefined: it is not whole. */
function isCarried(version: ProtocolVersion, packet: Buffer): boolean | undefined {
  const { machine, effects } = recordedMachine(settings.get(version) as ReturnType<typeof plainSetting>, true);
  machine.handleDeviceData(Buffer.from(packet), 0);
  if (machine.isEnded) return false;
  return effects.toBroker.length > 0 ? true : undefined;
}

interface Difference {
  readonly name: string;
  readonly clause: string;
  readonly versions: readonly ProtocolVersion[];
  /** One packet that mqtt-packet takes and the machine does not, in hex. */
  readonly example: string;
}

/** What mqtt-packet lets through and the machine does not. */
const refused: readonly Difference[] = [
  { name: 'a topic that is not UTF-8', clause: '[MQTT-1.5.4-1]', versions, example: '3004 0001 ff 78' },
  { name: 'U+0000 in a topic', clause: '[MQTT-1.5.4-2]', versions, example: '3004 0001 00 78' },
  { name: 'a wildcard in a topic', clause: '[MQTT-3.3.2-2]', versions, example: '3004 0001 2b 00' },
  { name: 'an empty topic', clause: '[MQTT-4.7.3-1]', versions: ['3.1', '3.1.1'], example: '3003 0000 78' },
  { name: 'an empty topic without an alias', clause: 'MQTT 5 §3.3.2.1', versions: ['5'], example: '3003 0000 00' },
  { name: 'packet identifier 0', clause: '[MQTT-2.2.1-3]', versions, example: '3206 0001 61 0000 00' },
  { name: 'DUP at QoS 0', clause: '[MQTT-3.3.1-2]', versions: ['3.1.1', '5'], example: '3804 0001 61 00' },
  {
    name: 'a length that is not encoded in the fewest bytes',
    clause: '[MQTT-1.5.5-1]',
    versions,
    example: '308400 0001 61 00',
  },
  {
    name: 'a property of another packet type',
    clause: 'MQTT 5 §2.2.2.2',
    versions: ['5'],
    example: '3009 0001 61 05 1100000001',
  },
  { name: 'a property twice', clause: 'MQTT 5 §3.3.2.3', versions: ['5'], example: '3008 0001 61 04 01010101' },
  {
    name: 'a payload format that is neither 0 nor 1',
    clause: 'MQTT 5 §3.3.2.3.2',
    versions: ['5'],
    example: '3006 0001 61 02 0102',
  },
  { name: 'topic alias 0', clause: '[MQTT-3.3.2-8]', versions: ['5'], example: '3007 0001 61 03 230000' },
  {
    name: 'a response topic with a wildcard',
    clause: '[MQTT-3.3.2-14]',
    versions: ['5'],
    example: '3008 0001 61 04 0800012b',
  },
  {
    name: 'a Subscription Identifier of a client',
    clause: '[MQTT-3.3.4-6]',
    versions: ['5'],
    example: '3006 0001 61 02 0b01',
  },
  {
    name: 'property text that is not UTF-8',
    clause: '[MQTT-1.5.4-1]',
    versions: ['5'],
    example: '3008 0001 61 04 030001ff',
  },
  {
    name: 'a property that overruns its list',
    clause: 'MQTT 5 §2.2.2',
    versions: ['5'],
    example: '3008 0001 61 04 03000578',
  },
];

/** MQTT 3.1 §2.1 has no rule for it: the flag is taken off. */
const dupIn31: Difference = {
  name: 'DUP at QoS 0',
  clause: 'MQTT 3.1 §2.1',
  versions: ['3.1'],
  example: '3804 0001 61 78',
};

function bytesOf(example: string): Buffer {
  return Buffer.from(example.replaceAll(' ', ''), 'hex');
}

describe('a PUBLISH of a device, beside mqtt-packet', () => {
  for (const { name, clause, versions: where, example } of refused) {
    test(`is refused: ${name} (${clause})`, (context) => {
      const takers = where.filter((version) => {
        assert.equal(isCarried(version, bytesOf(example)), false, version);
        return askOracle(version, bytesOf(example)).ok;
      });
      context.diagnostic(
        takers.length > 0 ? `mqtt-packet takes it in ${takers.join(', ')}` : 'mqtt-packet refuses it too',
      );
    });
  }

  test(`goes on: ${dupIn31.name} (${dupIn31.clause})`, () => {
    assert.equal(isCarried('3.1', bytesOf(dupIn31.example)), true);
  });

  for (const version of versions) {
    test(`of MQTT ${version} goes on only if mqtt-packet takes it too, and is refused only by a clause`, () => {
      fc.assert(
        fc.property(fc.nat(0xffff_ffff), (seed) => {
          const random = randomOf(seed);
          const packet = anyPublish(version, random).subarray(0, 600);
          const bytes = random() < 0.2 ? packet : mutate(packet, random);
          if ((bytes[0] as number) >> 4 !== 3) return;
          const isOurs = isCarried(version, bytes);
          const oracle = askOracle(version, bytes);
          if (isOurs === true && !oracle.ok) assert.ok(isNotOne(bytes), oracle.message);
          if (isOurs === false && oracle.ok) assert.notEqual(clauseAgainst(bytes, version), undefined);
        }),
        { numRuns: 6_000 },
      );
    });
  }
});

/** The bytes are more than one packet: mqtt-packet was asked for one. */
function isNotOne(bytes: Buffer): boolean {
  let packets = 0;
  const reader = new ModelReader('3.1.1');
  try {
    reader.push(bytes, () => {
      packets += 1;
    });
  } catch {
    return true;
  }
  return packets !== 1 || reader.keptBytes > 0;
}

/** A reading of the specification of its own, slow and plain: what forbids this PUBLISH, which mqtt-packet takes. */
function clauseAgainst(bytes: Buffer, version: ProtocolVersion): string | undefined {
  const first = bytes[0] as number;
  const qos = (first >> 1) & 3;
  const lengthEnd = 2 + bytes.subarray(1, 5).findIndex((byte) => byte < 0x80);
  if (lengthEnd > 2 && bytes[lengthEnd - 1] === 0) return '[MQTT-1.5.5-1]';
  if (qos === 0 && (first & 8) !== 0 && version !== '3.1') return '[MQTT-3.3.1-2]';
  const topicEnd = lengthEnd + 2 + bytes.readUInt16BE(lengthEnd);
  const topic = bytes.subarray(lengthEnd + 2, topicEnd);
  if (!isUtf8(topic) || topic.includes(0)) return '[MQTT-1.5.4-1], [MQTT-1.5.4-2]';
  if (/[+#]/.test(topic.toString())) return '[MQTT-3.3.2-2]';
  if (qos > 0 && (topicEnd + 2 > bytes.length || bytes.readUInt16BE(topicEnd) === 0)) return '[MQTT-2.2.1-3]';
  if (version !== '5') return topic.length === 0 ? '[MQTT-4.7.3-1]' : undefined;
  return clauseAgainstList(bytes, topicEnd + (qos > 0 ? 2 : 0), topic.length === 0);
}

/** Bytes of a fixed value by property; the others are text or binary data. */
const fixedBytes: ReadonlyMap<number, number> = new Map([
  [0x01, 1],
  [0x02, 4],
  [0x23, 2],
]);

function clauseAgainstList(bytes: Buffer, start: number, isTopicEmpty: boolean): string | undefined {
  const digits = bytes.subarray(start, start + 4).findIndex((byte) => byte < 0x80) + 1;
  if (digits === 0) return 'MQTT 5 §1.5.5';
  if (digits > 1 && bytes[start + digits - 1] === 0) return '[MQTT-1.5.5-1]';
  let length = 0;
  for (let index = digits - 1; index >= 0; index -= 1)
    length = length * 128 + ((bytes[start + index] as number) & 0x7f);
  const end = start + digits + length;
  if (end > bytes.length) return 'MQTT 5 §2.2.2.1';
  const seen = new Set<number>();
  for (let at = start + digits; at < end; ) {
    const id = bytes[at] as number;
    if (id === 0x0b) return '[MQTT-3.3.4-6]';
    if (!known.includes(id)) return 'MQTT 5 §2.2.2.2';
    if (id !== 0x26 && seen.has(id)) return 'MQTT 5 §3.3.2.3';
    seen.add(id);
    const judged = fixedBytes.has(id) ? judgeNumber(bytes, at, id) : judgeTexts(bytes, { at, end, id });
    if (typeof judged === 'string') return judged;
    if (judged > end) return 'MQTT 5 §2.2.2';
    at = judged;
  }
  if (!isTopicEmpty) return undefined;
  return seen.has(0x23) ? 'MQTT 5 §3.3.2.3.4' : 'MQTT 5 §3.3.2.1';
}

const known = [0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26];

/** Where the property ends, or the clause against it. */
function judgeNumber(bytes: Buffer, at: number, id: number): number | string {
  if (id === 0x01 && (bytes[at + 1] as number) > 1) return 'MQTT 5 §3.3.2.3.2';
  if (id === 0x23 && at + 3 <= bytes.length && bytes.readUInt16BE(at + 1) === 0) return '[MQTT-3.3.2-8]';
  return at + 1 + (fixedBytes.get(id) ?? 0);
}

function judgeTexts(bytes: Buffer, { at, end, id }: { at: number; end: number; id: number }): number | string {
  let next = at + 1;
  for (let left = id === 0x26 ? 2 : 1; left > 0; left -= 1) {
    if (next + 2 > end) return 'MQTT 5 §2.2.2';
    const textEnd = next + 2 + bytes.readUInt16BE(next);
    const value = bytes.subarray(next + 2, textEnd);
    if (id !== 0x09 && (!isUtf8(value) || value.includes(0))) return '[MQTT-1.5.4-1]';
    if (id === 0x08 && /[+#]/.test(value.toString())) return '[MQTT-3.3.2-14]';
    next = textEnd;
  }
  return next;
}
