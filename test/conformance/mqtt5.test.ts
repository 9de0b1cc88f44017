import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startGatewayUnderTest } from '../integration/gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from '../integration/mosquitto-broker.ts';
import { type Check, Meeting } from './check.ts';
import { connectChecks } from './connect-checks.ts';
import { impossibleOn311, mosquittoDeviates, mosquittoDeviatesOn311 } from './exceptions.ts';
import { filterChecks } from './filter-checks.ts';
import { propertyChecks } from './property-checks.ts';
import { publishChecks } from './publish-checks.ts';
import { sessionChecks } from './session-checks.ts';
import { subscribeChecks } from './subscribe-checks.ts';

const checks = [
  ...connectChecks,
  ...sessionChecks,
  ...publishChecks,
  ...propertyChecks,
  ...subscribeChecks,
  ...filterChecks,
];

/** A way to the broker, and what is known beforehand not to hold there. */
interface Door {
  readonly name: string;
  /** These must not hold: a list that is too long hides what was lost. */
  readonly exceptions: ReadonlyMap<string, string>;
  /** These need not hold. */
  readonly allowances: ReadonlyMap<string, string>;
  readonly open: (broker: MosquittoBroker, held: AsyncDisposableStack) => Promise<number>;
}

const none: ReadonlyMap<string, string> = new Map();

const doors: readonly Door[] = [
  {
    name: 'Mosquitto itself',
    exceptions: mosquittoDeviates,
    allowances: none,
    open: async (broker) => broker.port,
  },
  {
    name: 'the gateway before Mosquitto',
    exceptions: none,
    allowances: mosquittoDeviates,
    open: async (broker, held) =>
      held.use(await startGatewayUnderTest({ brokers: { legacy: { url: broker.url } } })).plainPort,
  },
  {
    name: 'the gateway before Mosquitto, held to MQTT 3.1.1',
    exceptions: impossibleOn311,
    allowances: new Map([...mosquittoDeviates, ...mosquittoDeviatesOn311]),
    open: async (broker, held) => {
      const legacy = { url: broker.url, versions: ['3.1.1'] };
      return held.use(await startGatewayUnderTest({ brokers: { legacy } })).plainPort;
    },
  },
];

suite('MQTT 5, statement by statement', { timeout: 120_000 }, () => {
  test('every exception names a check', () => {
    const names = checks.map(nameOf);
    assert.equal(new Set(names).size, names.length, 'names are unique');
    const lists = [mosquittoDeviates, mosquittoDeviatesOn311, impossibleOn311];
    for (const name of lists.flatMap((list) => [...list.keys()])) assert.ok(names.includes(name), name);
  });

  for (const { name, exceptions, allowances, open } of doors) {
    suite(`at the door of ${name}`, { concurrency: 8 }, () => {
      const held = new AsyncDisposableStack();
      let port: number | undefined;
      before(async () => {
        const broker = held.use(await startMosquitto());
        // A gateway that does not start fails every check, and says so there.
        port = await open(broker, held).catch(() => undefined);
      });
      after(() => held.disposeAsync());

      for (const check of checks) {
        const exception = exceptions.get(nameOf(check));
        const allowance = allowances.get(nameOf(check));
        const mark = allowance === undefined ? {} : { todo: `Mosquitto ${allowance}` };
        test(`${nameOf(check)}${exception === undefined ? '' : ': known not to hold'}`, mark, async () => {
          assert.ok(port !== undefined, 'the gateway has started');
          // What is known not to come is not waited for long.
          await using meeting = new Meeting(
            { port },
            exception === undefined && allowance === undefined ? undefined : 1_500,
          );
          if (exception === undefined) await check.run(meeting);
          else await assert.rejects(async () => check.run(meeting), 'it holds: strike it from the exceptions');
        });
      }
    });
  }
});

function nameOf({ clause, name }: Check): string {
  return `[${clause}] ${name}`;
}
