import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ModelPacket, ModelReader } from '../model-packets.ts';
import { renderPacket } from '../packet-text.ts';
import type { PortWrapper } from './leg-port.ts';
import { type LegSetting, legSettingOf } from './leg-setting.ts';
import { settle } from './legs-rest.ts';
import { LegsWorld } from './legs-world.ts';

/** Attempts of each test, each played with and without. */
const runs = 1_000;

/** How an attempt ends before its switch. */
const endings = ['abort', 'target closes', 'dismiss'] as const;
type Ending = (typeof endings)[number];

interface Attempt {
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly behind: readonly number[];
  readonly ending: Ending;
  /** The device is held when the attempt ends; else it is earlier. */
  readonly isHeld: boolean;
}

/** What the device and its broker saw of a run. */
interface Seen {
  readonly device: string[];
  readonly broker: string[];
  readonly rest: string;
}

const anyMoves = fc.array(fc.nat(0xffff_ffff), { minLength: 3, maxLength: 25, size: 'max' });

/** Behind a hold, the broker publishes while an UNSUBSCRIBE, a SUBSCRIBE of the device is on its way. */
const publishedBesideRequest: [number, Omit<Attempt, 'isHeld'>][] = [
  [
    0,
    {
      before: [0, 0, 0],
      during: [0, 882_070_622, 3_373_333_141, 15_620_353],
      behind: [918_885_665, 2_101_631_326, 1_575_391_477, 947_985_900, 0, 1_877_486_725, 0],
      ending: 'abort',
    },
  ],
  [
    0,
    {
      before: [1_974_280_761, 0, 0],
      during: [0, 0, 60_862, 13_749_469],
      behind: [2_369_579_929, 2_449_890_302, 2_650_466_685, 504_923_704, 3_520_571_269, 0, 0, 0],
      ending: 'abort',
    },
  ],
];

/** Where attempts ended. */
const phases = new Map<string, number>();

describe('a cut that ends before its switch', () => {
  for (const isHeld of [false, true]) {
    const name = isHeld ? 'while the device is held: late, but nothing else' : 'before the device is held: at all';
    test(`leaves device and old broker as if it had not been tried, ${name}`, () => {
      fc.assert(
        fc.property(
          fc.nat(0xffff_ffff),
          fc.record({ before: anyMoves, during: anyMoves, behind: anyMoves, ending: fc.constantFrom(...endings) }),
          (bits, moves) => {
            const attempt = { ...moves, isHeld };
            const tried = play(calm(bits), attempt, true);
            const untried = play(calm(bits), attempt, false);
            assert.deepEqual(isHeld ? sorted(tried) : tried, isHeld ? sorted(untried) : untried);
          },
        ),
        { numRuns: runs, examples: publishedBesideRequest },
      );
    });
  }

  test('ended in each of its phases', () => {
    assert.deepEqual([...phases.keys()].sort(), ['holding', 'restoring', 'settling']);
    assert.ok(Math.min(...phases.values()) > runs / 20, JSON.stringify([...phases]));
  });
});

/** A setting whose other broker has nothing to say. */
function calm(bits: number): LegSetting {
  const setting = legSettingOf(bits);
  const [first, second] = setting.brokers;
  const brokers = [
    { ...first, denied: undefined },
    { ...second, denied: undefined },
  ] as const;
  return { ...setting, brokers, mirrorMs: undefined, hasFaults: false, leaves: false };
}

function play(setting: LegSetting, attempt: Attempt, isTried: boolean): Seen {
  const seen: Seen = { device: [], broker: [], rest: '' };
  const world = new LegsWorld(setting, recording(seen));
  world.subscribe(3 | (1 << 6) | (2 << 9));
  for (const move of attempt.before) act(world, move, true);
  settle(world);
  // Its answer is what a held device waits for.
  if (attempt.isHeld) world.publish(1);
  world.feedDevice(world.device.wire.bytes);
  if (isTried) begin(world, attempt.isHeld);
  for (const move of attempt.during) {
    act(world, move, !attempt.isHeld);
    if (isTried && !attempt.isHeld) targetActs(world, move);
  }
  if (isTried) end(world, attempt);
  // Where the device was not held, both runs are the same throughout.
  const freeMoves = attempt.isHeld ? freeMovesOf(attempt.behind, setting) : attempt.behind.length;
  for (const move of attempt.behind.slice(0, freeMoves)) act(world, move, true);
  if (attempt.isHeld) comeToRest(world);
  for (const move of attempt.behind.slice(freeMoves)) act(world, move, true);
  settle(world);
  const { machine } = world;
  const rest = JSON.stringify([
    [...machine.subscriptions.held()],
    machine.unfinished(),
    machine.inflight,
    machine.phase,
  ]);
  return { ...seen, rest };
}

function recording(seen: Seen): PortWrapper {
  return (port, { setting }) => {
    const toDevice = new ModelReader(setting.device.protocol);
    const toBroker = new ModelReader(setting.brokers[0].protocol);
    const noteIn = (list: string[]) => (packet: ModelPacket) => list.push(renderPacket(packet));
    return {
      ...port,
      toDevice: (bytes) => {
        toDevice.push(Buffer.from(bytes), noteIn(seen.device));
        port.toDevice(bytes);
      },
      toBroker: (leg, bytes) => {
        if (leg === 1) toBroker.push(Buffer.from(bytes), noteIn(seen.broker));
        port.toBroker(leg, bytes);
      },
    };
  };
}

/** A settle time that nobody waits for, or none, so that the device is held at once. */
function begin(world: LegsWorld, isHeld: boolean): void {
  world.attach(1);
  world.machine.cut({ overlapMs: 1_500, settleMs: isHeld ? 0 : 1_000_000, leaveMs: 0 }, world.nowMs);
  for (let round = 0; isHeld && round < 10; round += 1) {
    const [, target] = world.brokers;
    target.read(Number.POSITIVE_INFINITY);
    target.answer(Number.POSITIVE_INFINITY);
    world.feedBroker(1, Number.POSITIVE_INFINITY);
  }
}

/** The target answers some of what it is asked, or all. */
function targetActs(world: LegsWorld, move: number): void {
  const [, target] = world.brokers;
  if (move % 4 === 0) target.read(1);
  if (move % 5 === 0) target.answer(1);
  if (move % 7 === 0) world.feedBroker(1, Number.POSITIVE_INFINITY);
}

function end(world: LegsWorld, { ending }: Attempt): void {
  phases.set(world.machine.phase, (phases.get(world.machine.phase) ?? 0) + 1);
  if (ending === 'abort') world.abortCut();
  else if (ending === 'dismiss') world.machine.dismiss(2, world.nowMs);
  else world.lose(1, { readsFirst: true, forgets: 'session' });
  assert.equal(world.machine.phase, 'stable');
}

/** The moves behind a hold that do not depend on how far the old broker has come, which is late by what was held. */
function freeMovesOf(moves: readonly number[], { device }: LegSetting): number {
  const first = moves.findIndex((move) => {
    const name = actionOf(move);
    // What is published meanwhile meets a SUBSCRIBE that has come, or one that lies behind more packets.
    if (name === 'subscribe') return true;
    // The device repeats what is not answered, and one of MQTT 5 publishes as far as its window goes.
    return name === 'repeat' || (name === 'publish' && device.protocol === '5');
  });
  return first === -1 ? moves.length : first;
}

/** As far as the other run comes; the time is enough for every subscription to deliver. */
function comeToRest(world: LegsWorld): void {
  settle(world);
  world.pass(1_000);
}

const actionNames = [
  'publish',
  'publish at the broker',
  'feed from the device',
  'feed from the broker',
  'device reads',
  'broker reads',
  'device acknowledges',
  'broker acknowledges',
  'broker answers',
  'subscribe',
  'repeat',
  'ping',
] as const;
type ActionName = (typeof actionNames)[number];

function actionOf(move: number): ActionName {
  return actionNames[(move & 0xff) % actionNames.length] as ActionName;
}

/** What device and old broker do, without the passing of time. `mayAnswer`: the broker acknowledges. */
function act(world: LegsWorld, move: number, mayAnswer: boolean): void {
  const choice = move >>> 8;
  const [broker] = world.brokers;
  const actions: Readonly<Record<ActionName, () => void>> = {
    publish: () => world.publish(choice),
    'publish at the broker': () => world.publishAt(0, choice),
    'feed from the device': () => world.feedDevice(1 + (choice % 200)),
    'feed from the broker': () => world.feedBroker(0, 1 + (choice % 200)),
    'device reads': () => world.deviceReads(1 + (choice % 8)),
    'broker reads': () => broker.read(1 + (choice % 8)),
    'device acknowledges': () => world.device.acknowledge(1 + (choice % 4), choice),
    'broker acknowledges': () => mayAnswer && world.brokerAcknowledges(0, 1 + (choice % 4), choice >> 4),
    'broker answers': () => mayAnswer && broker.answer(1 + (choice % 3)),
    subscribe: () => mayAnswer && world.subscribe(choice),
    repeat: () => world.repeat(choice),
    ping: () => world.ping(),
  };
  actions[actionOf(move)]();
}

/** A held packet goes later than it would have: everything is there, in any order. */
function sorted({ device, broker, rest }: Seen): Seen {
  return { device: device.toSorted(), broker: broker.map(withoutOwnIdentifier).toSorted(), rest };
}

/** Which of its own identifiers the gateway takes depends on what is under way at that moment. */
function withoutOwnIdentifier(packet: string): string {
  return packet.replace(/^((?:UN)?SUBSCRIBE) id=\d+/, '$1');
}
