import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { matchesTopicFilter, parseTopicFilter } from '../../src/mqtt/topic.ts';
import { type Asked, DeskSession, requestOf } from './desk-session.ts';

/** A broker that answers in order, refuses some filters, and judges what it is asked (AWS IoT Core's limits). */
class LimitedBroker {
  readonly #session: DeskSession;
  readonly #refused: ReadonlySet<string>;
  readonly held = new Map<string, number>();
  #read = 0;

  constructor(session: DeskSession, refused: readonly string[]) {
    this.#session = session;
    this.#refused = new Set(refused);
  }

  get waiting(): number {
    return this.#session.asked.length - this.#read;
  }

  /** Answers the oldest packet. */
  answer(): void {
    const asked = this.#session.asked[this.#read] as Asked;
    this.#read += 1;
    if (asked.type === 'subscribe') this.#answerSubscribe(asked.packet);
    else this.#answerUnsubscribe(asked.packet);
  }

  #answerSubscribe({ packetId, requests }: Extract<Asked, { type: 'subscribe' }>['packet']): void {
    assert.ok(requests.length <= 8, `${requests.length} filters in one SUBSCRIBE`);
    const codes = requests.map(({ filter, qos }) => {
      assert.ok(qos <= 1, 'QoS 2 is not answered');
      assert.ok(!filter.startsWith('$SYS'), 'a reserved topic ends the connection');
      if (this.#refused.has(filter)) return 0x80;
      this.held.set(filter, qos);
      return qos;
    });
    assert.ok(this.held.size <= 50, `${this.held.size} subscriptions`);
    this.#session.answer(packetId, codes);
  }

  #answerUnsubscribe({ packetId, filters }: Extract<Asked, { type: 'unsubscribe' }>['packet']): void {
    assert.ok(filters.length <= 8, `${filters.length} filters in one UNSUBSCRIBE`);
    const codes = filters.map((filter) => (this.held.delete(filter) ? 0 : 0x11));
    this.#session.unsuback(packetId, this.#session.upstream === '5' ? codes : []);
  }
}

type Step =
  | { readonly type: 'subscribe'; readonly texts: readonly string[] }
  | { readonly type: 'unsubscribe'; readonly filters: readonly string[] }
  | { readonly type: 'answer' };

/** What the device holds, told in the fewest words: the last granted SUBSCRIBE of a filter that was not unsubscribed. */
class ReferenceTable {
  readonly held = new Map<string, number>();
  readonly #refused: ReadonlySet<string>;

  constructor(refused: readonly string[]) {
    this.#refused = new Set(refused);
  }

  apply(step: Step): void {
    if (step.type === 'unsubscribe') for (const filter of step.filters) this.held.delete(filter);
    if (step.type !== 'subscribe') return;
    const last = new Map(step.texts.map(requestOf).map(({ filter, qos }) => [filter, qos]));
    // What is asked for takes its places, whether the broker then grants it or not.
    const places = new Set([...this.held.keys()].flatMap(expanded));
    const asked = [...last].filter(([filter]) => !filter.startsWith('$SYS') && hasRoom(places, filter));
    for (const [filter, qos] of asked) {
      if (expanded(filter).every((each) => !this.#refused.has(each))) this.held.set(filter, qos);
    }
  }
}

function hasRoom(places: Set<string>, filter: string): boolean {
  const added = expanded(filter).filter((each) => !places.has(each));
  if (places.size + added.length > 50) return false;
  for (const each of added) places.add(each);
  return true;
}

function expanded(filter: string): readonly string[] {
  return filter.endsWith('/#') ? [filter, filter.slice(0, -2)] : [filter];
}

const plain = fc.nat(39).map((at) => `t/${at}`);
const filter = fc.oneof(
  { arbitrary: plain, weight: 6 },
  { arbitrary: plain.map((text) => `${text}/#`), weight: 4 },
  fc.constantFrom('a', 'a/#', '+', '+/#', '#', '$share/g/a', '$share/g/a/#', '$SYS/#'),
);
const text = fc.tuple(filter, fc.nat(2)).map(([name, qos]) => `${name}:${qos}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('subscribe' as const), texts: fc.array(text, { minLength: 1, maxLength: 20 }) }),
  fc.record({ type: fc.constant('unsubscribe' as const), filters: fc.array(filter, { minLength: 1, maxLength: 12 }) }),
  fc.constant({ type: 'answer' as const }),
);
const versions = fc.constantFrom<[ProtocolVersion, ProtocolVersion]>(
  ['3.1', '3.1.1'],
  ['3.1.1', '3.1.1'],
  ['3.1.1', '5'],
  ['5', '3.1.1'],
  ['5', '5'],
);
const refusedFilters = fc.subarray(['a', 't/1', 't/2/#', '#', '$share/g/a']);

interface World {
  readonly session: DeskSession;
  readonly broker: LimitedBroker;
  readonly lengths: Map<number, number>;
}

function run(steps: readonly Step[], world: World, check: () => void): void {
  const { session, broker } = world;
  steps.forEach((each, at) => {
    const packetId = at + 1;
    if (each.type === 'subscribe') {
      world.lengths.set(packetId, each.texts.length);
      session.subscribe(packetId, each.texts.map(requestOf));
    } else if (each.type === 'unsubscribe') {
      world.lengths.set(packetId, each.filters.length);
      session.unsubscribe(packetId, each.filters);
    } else if (broker.waiting > 0) broker.answer();
    check();
  });
  while (broker.waiting > 0) {
    broker.answer();
    check();
  }
}

function worldOf([device, upstream]: [ProtocolVersion, ProtocolVersion], refused: readonly string[]): World {
  const session = new DeskSession({ device, upstream, profile: 'aws-iot-core' });
  return { session, broker: new LimitedBroker(session, refused), lengths: new Map() };
}

describe('SubscriptionDesk on a broker with AWS IoT Core’s limits, for any sequence', () => {
  const options = { numRuns: 300 };

  test('every packet is answered once, with one code per requested filter (S12); never are two chunks outstanding', () => {
    fc.assert(
      fc.property(versions, fc.array(step, { maxLength: 40 }), refusedFilters, (pair, steps, refused) => {
        const world = worldOf(pair, refused);
        run(steps, world, () => assert.ok(world.broker.waiting <= 1));
        const { session, lengths } = world;
        assert.deepEqual(
          session.told.map(({ packet }) => packet.packetId),
          [...lengths.keys()],
        );
        for (const { type, packet } of session.told) {
          const hasCodes = type === 'suback' || session.device === '5';
          assert.equal(packet.codes.length, hasCodes ? lengths.get(packet.packetId) : 0);
        }
        assert.equal(session.desk.pending, 0);
        assert.equal(session.taken.size, 0);
      }),
      options,
    );
  });

  test('the codes are those of the filters at their places', () => {
    fc.assert(
      fc.property(fc.uniqueArray(plain, { maxLength: 20, minLength: 1 }), fc.array(fc.nat(2)), (filters, qos) => {
        const world = worldOf(['3.1.1', '3.1.1'], ['t/1', 't/2', 't/3']);
        const texts = filters.map((name, at) => `${name}:${qos[at] ?? 0}`);
        run([{ type: 'subscribe', texts }], world, () => {});
        const expected = filters.map((name, at) => (['t/1', 't/2', 't/3'].includes(name) ? 0x80 : (qos[at] ?? 0)));
        assert.deepEqual(world.session.codes(0), expected);
      }),
      options,
    );
  });

  test('the table is what an obvious reference says, and every wildcard filter at the broker has its parent', () => {
    fc.assert(
      fc.property(versions, fc.array(step, { maxLength: 40 }), refusedFilters, (pair, steps, refused) => {
        const world = worldOf(pair, refused);
        run(steps, world, () => {});
        const reference = new ReferenceTable(refused);
        for (const each of steps) reference.apply(each);
        const { session, broker } = world;
        const held = session.desk.subscriptions();
        const byFilter = (entries: Iterable<[string, number]>) => new Map([...entries].toSorted());
        assert.deepEqual(byFilter([...held].map(([name, { qos }]) => [name, qos])), byFilter(reference.held));
        const needed = new Set([...held.keys()].flatMap(expanded));
        assert.deepEqual([...broker.held.keys()].toSorted(), [...needed].toSorted());
        for (const [name, { granted }] of held) {
          for (const each of expanded(name)) assert.ok((broker.held.get(each) ?? -1) >= Math.min(granted, 1), each);
        }
      }),
      options,
    );
  });

  test('a device gets the topics that it would get from a broker where a/# matches a', () => {
    const topics = ['a', 'a/b', 't/1', 't/1/x', 't', 'b'];
    const covers = (filters: Iterable<string>, topic: string, isStrict: boolean) =>
      [...filters].some((name) => {
        const { filter: bare } = parseTopicFilter(name);
        const isParent = bare.endsWith('/#') && matchesTopicFilter(bare.slice(0, -2), topic);
        return matchesTopicFilter(bare, topic) && !(isStrict && isParent);
      });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const world = worldOf(['3.1.1', '3.1.1'], []);
        run(steps, world, () => {});
        for (const topic of topics) {
          const expected = covers(world.session.desk.subscriptions().keys(), topic, false);
          assert.equal(covers(world.broker.held.keys(), topic, true), expected, topic);
        }
      }),
      options,
    );
  });
});
