/**
 * The nameserver's sockets and answers in one process, as one worker of the gateway has them. Lines on standard input:
 * `plan BPS` gives the second side of split and cohort that weight, `zone` loads the zone again. It ends with its input.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/base/clock.ts';
import type { AnswerSource } from '../../src/dns/answer-source.ts';
import { parseMasterFile } from '../../src/dns/master-file.ts';
import { createResponder } from '../../src/dns/responder.ts';
import { createSteering } from '../../src/dns/steering.ts';
import type { SteeringRule } from '../../src/dns/steering-rule.ts';
import { createSubnetPoints } from '../../src/dns/subnet-points.ts';
import { parseName } from '../../src/dns/wire-name.ts';
import { createZone, type Zone } from '../../src/dns/zone.ts';
import { createZoneAnswers } from '../../src/dns/zone-answers.ts';
import { NameserverSockets } from '../../src/nameserver/nameserver-sockets.ts';
import { createSnapshot, type RoutingSnapshot } from '../../src/plan/snapshot.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { benchOrigin, sides, staticZone } from './queries.ts';

const rules: readonly SteeringRule[] = [
  {
    owner: 'front',
    by: 'split',
    ttl: 30,
    split: 'front-door',
    parts: { one: { addresses: [sides[0]] }, two: { addresses: [sides[1]] } },
  },
  {
    owner: '*.d',
    by: 'cohort',
    ttl: 30,
    label: 'clientid',
    source: { addresses: [sides[0]] },
    target: { addresses: [sides[1]] },
  },
];
const half = 5_000;

let zone = loadZone();
let plan = planAt(half);
let source = answers();
const responder = createResponder({
  onFault: (fault) => {
    throw fault;
  },
});
const sockets = new NameserverSockets({
  answer: (message, address, transport) => responder(message, { address, transport }, Date.now(), source),
  clock: systemClock,
  log: createLogger({ level: 'silent', component: 'nameserver' }),
  tcp: { idleMs: 10_000, messageMs: 10_000, connections: 100, connectionsPerClient: 100 },
});
const { port } = await sockets.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) });
console.log(JSON.stringify({ event: 'ready', port }));

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const [verb, weight] = line.split(' ');
  if (verb === 'plan') plan = planAt(Number(weight));
  else zone = loadZone();
  source = answers();
  console.log(JSON.stringify({ event: 'changed' }));
});
input.on('close', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));

function loadZone(): Zone {
  const origin = wireName(benchOrigin);
  const records = parseMasterFile({ file: 'bench.zone', text: staticZone, origin });
  if (!records.ok) throw new Error('The zone of the benchmark has mistakes');
  const steered = rules.map(({ owner }) => wireName(`${owner}.${benchOrigin}`));
  const created = createZone({ origin, records: records.value, steered });
  if (!created.ok) throw new Error('The zone of the benchmark cannot be served');
  return created.value.zone;
}

function answers(): AnswerSource {
  const facts = { plan, sites: [], conditions: {}, aliases: {}, points: createSubnetPoints(plan.plan.salt) };
  return createZoneAnswers([{ zone, steerings: rules.map((rule) => createSteering(rule, facts)) }]);
}

function planAt(weightBps: number): RoutingSnapshot {
  const snapshot = createSnapshot({
    revision: 1,
    plan: {
      default: 'legacy',
      salt: 'bench',
      identity: ['mqtt.clientId'],
      overrides: [],
      cohorts: [
        { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps, announce: 'source' },
      ],
      splits: [{ name: 'front-door', weights: { one: 10_000 - weightBps, two: weightBps } }],
    },
    readInclude: () => ({ ok: false, error: 'no includes' }),
  });
  if (!snapshot.ok) throw new Error('The plan of the benchmark is none');
  return snapshot.value;
}

function wireName(text: string) {
  const name = parseName(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}
