import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { openWorld, type World } from '../doors.ts';
import type { MosquittoOptions } from '../mosquitto-broker.ts';
import { acknowledgementCases } from './acknowledgement-cases.ts';
import { allowedDifferences, judgeDifference, openDifferences } from './allowed-differences.ts';
import { configuredCases } from './configured-cases.ts';
import { connectCases } from './connect-cases.ts';
import { connectedCases } from './connected-cases.ts';
import { allVersions, type DoorCase, observe } from './door-case.ts';
import { messageCases } from './message-cases.ts';
import type { Version } from './packet-writing.ts';
import { publishCases } from './publish-cases.ts';
import { sessionCases } from './session-cases.ts';
import { subscribeCases } from './subscribe-cases.ts';
import { subscriptionCases } from './subscription-cases.ts';
import { willCases } from './will-cases.ts';
import { windowCases } from './window-cases.ts';

/** Cases by what they are about, and the broker that they are played at. */
interface Room {
  readonly name: string;
  readonly cases: readonly DoorCase[];
}

const plainRooms: readonly Room[] = [
  { name: 'CONNECT', cases: connectCases },
  { name: 'behind CONNECT', cases: connectedCases },
  { name: 'PUBLISH', cases: publishCases },
  { name: 'SUBSCRIBE and UNSUBSCRIBE', cases: subscribeCases },
  { name: 'subscriptions', cases: subscriptionCases },
  { name: 'acknowledgements', cases: acknowledgementCases },
  { name: 'sessions', cases: sessionCases },
  { name: 'wills', cases: willCases },
  { name: 'windows', cases: windowCases },
  { name: 'messages', cases: messageCases },
];

/** At a time, each at both doors. */
const casesPerRoom = 4;

suite('The same bytes at the gateway as at the broker', { timeout: 180_000, concurrency: 1 }, () => {
  playAt({}, plainRooms);
  for (const { name, cases, configuration, passwords } of configuredCases) {
    suite(name, { concurrency: 1 }, () => {
      playAt({ configuration, ...(passwords === undefined ? {} : { passwords }) }, [{ name, cases }]);
    });
  }
});

/** Declares the tests of some rooms, and the broker and gateway that they share. */
function playAt(mosquitto: MosquittoOptions, rooms: readonly Room[]): void {
  let world: World;
  before(async () => {
    // The broker's own figures would come whenever they are due.
    const configuration = ['sys_interval 0', ...(mosquitto.configuration ?? [])];
    world = await openWorld({ mosquitto: { ...mosquitto, configuration } });
  });
  after(() => world[Symbol.asyncDispose]());
  const inRoom = (room: Room, isAlone: boolean) =>
    room.cases
      .filter((doorCase) => (doorCase.isAlone ?? false) === isAlone)
      .flatMap((doorCase) => (doorCase.versions ?? allVersions).map((version) => ({ doorCase, version })));
  for (const isAlone of [false, true]) {
    suite(isAlone ? 'one at a time' : 'side by side', { concurrency: isAlone ? 1 : rooms.length }, () => {
      for (const room of rooms) {
        suite(room.name, { concurrency: isAlone ? 1 : casesPerRoom }, () => {
          for (const { doorCase, version } of inRoom(room, isAlone)) {
            const label = `${version}: ${doorCase.name}`;
            const open = openDifferences.find((one) => one.cases.test(label));
            test(label, open === undefined ? {} : { todo: open.problem }, () => play(world, doorCase, version));
          }
        });
      }
    });
  }
}

async function play({ broker, gateway }: World, doorCase: DoorCase, version: Version): Promise<void> {
  const [atBroker, atGateway] = await observeBoth([broker.port, gateway.plainPort], doorCase, version);
  assert.ok(!atBroker.some((line) => line.startsWith('failed')), `at the broker itself:\n${atBroker.join('\n')}`);
  if (JSON.stringify(atBroker) === JSON.stringify(atGateway)) return;
  const label = `${version}: ${doorCase.name}`;
  const verdicts = allowedDifferences
    .filter(({ cases }) => cases.test(label))
    .map((allowed) => judgeDifference(allowed, atBroker, atGateway));
  if (!verdicts.includes(undefined)) assert.deepEqual(atGateway, atBroker, verdicts.join('; '));
}

type Observation = readonly string[];

async function observeBoth(
  ports: readonly [number, number],
  doorCase: DoorCase,
  version: Version,
): Promise<readonly [Observation, Observation]> {
  const at = (port: number) => observe(doorCase, port, version);
  return doorCase.isAlone === true
    ? [await at(ports[0]), await at(ports[1])]
    : Promise.all([at(ports[0]), at(ports[1])]);
}
