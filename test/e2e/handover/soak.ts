/** `npm run soak:handover`: the proof of the live handover at its full size. See README.md beside it. */
import { parseArgs } from 'node:util';
import { createFault, type FaultName, type FaultPoint, faultNames, faultPoints } from './faults.ts';
import { type Side, sides } from './fleet-plan.ts';
import { runScript } from './handover-script.ts';
import { HandoverWorld } from './handover-world.ts';
import type { Live } from './operator.ts';
import { renderFindings } from './soak-report.ts';
import { type Allowances, judge } from './verdict.ts';

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '5' },
    hold: { type: 'string', default: '10' },
    baseline: { type: 'string', default: '20' },
    fault: { type: 'string', default: 'none' },
    broker: { type: 'string', default: 'target' },
    at: { type: 'string' },
    'mirror-lag': { type: 'string', default: '0' },
    overlap: { type: 'string', default: '1500' },
    live: { type: 'string', default: 'handover' },
    json: { type: 'boolean', default: false },
  },
});

const fault = oneOf<FaultName>('fault', values.fault, faultNames);
const live = oneOf<Live>('live', values.live, ['handover', 'reconnect']);
const side = oneOf<Side>('broker', values.broker, sides);
const startedMs = performance.now();

await using world = await HandoverWorld.start({
  devices: wholeNumber('devices', values.devices),
  brokersRemember: fault === 'kill-broker',
  mirrorLagMs: wholeNumber('mirror-lag', values['mirror-lag']),
  handover: { overlapMs: wholeNumber('overlap', values.overlap) },
});
const at = values.at === undefined ? undefined : oneOf<FaultPoint>('at', values.at, faultPoints);
const chosen = createFault(fault, { side, at });
const findings = await runScript(world, {
  rounds: wholeNumber('rounds', values.rounds),
  live,
  baselineMs: wholeNumber('baseline', values.baseline) * 1_000,
  holdMs: wholeNumber('hold', values.hold) * 1_000,
  ...(chosen === undefined ? {} : { fault: chosen }),
  onProgress: (text) => console.error(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`),
}).catch((error: unknown) => {
  console.error(world.gateway.process.lines.slice(-30).join('\n'));
  throw error;
});
const checks = judge(findings, allowancesOf(fault, live));
const { delays } = await world.mirror.ask('lag', null);
console.log(
  values.json ? JSON.stringify({ findings, checks, mirror: delays }) : renderFindings(findings, checks, delays),
);
const isProved = checks.every(({ ok }) => ok);
if (!isProved)
  console.error(
    world.gateway.process.lines
      .filter((line) => !isRoutine(line))
      .slice(-40)
      .join('\n'),
  );
process.exitCode = isProved ? 0 : 1;

/** A gateway that is gone has left no time to say goodbye: its devices come back, and brokers publish their wills. */
function allowancesOf(name: FaultName, how: Live): Allowances {
  const isKilled = name === 'kill-gateway';
  const isQuick = name === 'none' && how === 'handover';
  return {
    reconnects: isKilled || how === 'reconnect',
    staying: how === 'reconnect',
    wills: isKilled,
    failedMoves: name !== 'none',
    retainedMissing: isKilled || name === 'kill-broker',
    ...(isQuick ? { commitMs: 1_000, addedDelayMs: 250 } : {}),
  };
}

function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new Error(`--${option}: expected ${names.join(' | ')}, got ${text}`);
  return found;
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Error(`--${option}: expected a whole number, got ${text}`);
  return Number(text);
}

/** Of the gateway's log: told about many times a run. */
function isRoutine(line: string): boolean {
  return line.includes('"level":"info"') || line.includes('"level":"debug"');
}
