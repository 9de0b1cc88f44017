import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeDisconnect } from '../../src/mqtt/disconnect-packet.ts';
import { allowedProperties, findPropertyFault, forEachProperty } from '../../src/mqtt/properties.ts';
import { matchesTopicFilter, parseTopicFilter, topicFilterFault, topicNameFault } from '../../src/mqtt/topic.ts';
import { mutate, randomOf } from './mutation.ts';
import { versions } from './packet-arbitraries.ts';
import { codecs } from './packet-codecs.ts';

export interface FuzzReport {
  readonly seed: number;
  readonly inputs: number;
  readonly accepted: number;
  readonly slowestMs: number;
  /** Of heap and buffers, in bytes, from the first tenth to the end, after collection; undefined without `collect`. */
  readonly growthBytes: number | undefined;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Inputs stop when that many milliseconds have gone by. */
  readonly maxMs: number;
  /** Collects garbage, so that growth can be seen. */
  readonly collect?: () => void;
}

/** A decoder that takes longer than this for an input of at most a few kilobytes hangs; the machine itself may pause. */
const hangMs = 2_000;

/**
 * Hands mutated packets to every decoder. Throws with the seed and the input when a decoder throws, hangs, or gives a
 * value that it would not give again for the bytes that the value is encoded to.
 */
export function fuzzPackets({ seed, inputs, maxMs, collect }: FuzzOptions): FuzzReport {
  const random = randomOf(seed);
  const corpus = makeCorpus(seed);
  const startMs = performance.now();
  let accepted = 0;
  let slowestMs = 0;
  let usedAtFirst: number | undefined;
  let count = 0;
  for (; count < inputs && performance.now() - startMs < maxMs; count += 1) {
    const at = Math.floor(random() * corpus.length);
    const input = mutate(corpus[at] as Buffer, random);
    const beforeMs = performance.now();
    let acceptedBy = 0;
    try {
      acceptedBy = feed(input);
    } catch (error) {
      throw new Error(`seed ${seed}, input ${count}: ${input.toString('hex')}`, { cause: error });
    }
    const tookMs = performance.now() - beforeMs;
    if (tookMs > slowestMs) slowestMs = tookMs;
    accepted += acceptedBy;
    // What was accepted is mutated further: oddities pile up, and the corpus stays as large as it is.
    if (acceptedBy > 0 && random() < 0.2) corpus[at] = makeCorpusEntry(corpus, input, random);
    if (count === Math.floor(inputs / 10)) usedAtFirst = usedBytes(collect);
  }
  const growthBytes = usedAtFirst === undefined ? undefined : (usedBytes(collect) ?? usedAtFirst) - usedAtFirst;
  assert.ok(slowestMs < hangMs, `seed ${seed}: one input took ${slowestMs} ms`);
  return { seed, inputs: count, accepted, slowestMs, growthBytes };
}

function makeCorpus(seed: number): Buffer[] {
  return codecs.flatMap((codec) =>
    versions.flatMap((protocol) =>
      fc.sample(codec.any(protocol), { numRuns: 40, seed }).map((value) => codec.encode(protocol, value)),
    ),
  );
}

/** Two inputs joined now and then; none gets long. */
function makeCorpusEntry(corpus: readonly Buffer[], input: Buffer, random: () => number): Buffer {
  const other = corpus[Math.floor(random() * corpus.length)] ?? input;
  const parts = random() < 0.5 ? [input.subarray(0, 512)] : [input.subarray(0, 256), other.subarray(2, 256)];
  // Memory of its own: a piece of a slab would hold the slab, and look like growth.
  const entry = Buffer.alloc(parts.reduce((sum, { length }) => sum + length, 0));
  Buffer.concat(parts).copy(entry);
  return entry;
}

/** How many of the decoders accepted the input. */
function feed(input: Buffer): number {
  let accepted = 0;
  for (const codec of codecs) {
    // Of another type, a packet is refused at its first byte: once in a while is often enough.
    const isMeant = codec.types.includes((input[0] as number) >> 4);
    if (!isMeant && (input.length & 0x0f) !== 0) continue;
    for (const protocol of versions) {
      const decoded = codec.decode(protocol, input);
      if (!decoded.ok) continue;
      accepted += 1;
      const again = codec.encode(protocol, decoded.value);
      const redecoded = codec.decode(protocol, again);
      assert.ok(redecoded.ok, redecoded.ok ? '' : redecoded.error.message);
      assert.equal(codec.encode(protocol, redecoded.value).compare(again), 0, 'encoded otherwise the second time');
      // One byte more for the property list that a CONNACK in the form of MQTT 3 has not.
      assert.ok(again.length <= input.length + 1, 'the encoding is longer than what came');
    }
  }
  decodeDisconnect(input, '5', 'server');
  decodeDisconnect(input, '5', 'client');
  feedLists(input);
  feedTopics(input);
  return accepted;
}

function feedLists(input: Buffer): void {
  for (const allowed of Object.values(allowedProperties)) {
    for (let start = 2; start < Math.min(input.length, 8); start += 1) {
      if (findPropertyFault(input, start, input.length, allowed) !== undefined) continue;
      let at = start;
      forEachProperty(input, start, input.length, (id, valueStart, valueEnd) => {
        assert.equal(valueStart, at + 1);
        assert.ok(allowed.has(id) && valueEnd > valueStart && valueEnd <= input.length);
        at = valueEnd;
      });
      assert.equal(at, input.length, 'a list without a fault was not visited to its end');
    }
  }
}

function feedTopics(input: Buffer): void {
  const text = input.toString('utf8', 2);
  const middle = Math.floor(text.length / 2);
  topicNameFault(text);
  if (topicFilterFault(text) === undefined) parseTopicFilter(text);
  matchesTopicFilter(text.slice(0, middle), text.slice(middle));
}

function usedBytes(collect: (() => void) | undefined): number | undefined {
  if (collect === undefined) return undefined;
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
