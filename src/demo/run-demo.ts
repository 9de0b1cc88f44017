import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { CrossfadeError } from '../base/errors.ts';
import { sourceBroker, targetBroker } from './demo-files.ts';
import { type DemoReport, type FleetMix, judgeDemo } from './demo-report.ts';
import { renderIntroduction, renderInvitation, renderReport } from './demo-text.ts';
import { type DemoWorld, type DemoWorldOptions, openDemoWorld } from './demo-world.ts';
import { runMigration, scriptSteps } from './migration-script.ts';

/** Where long work reports how far it is; the command line draws it. */
export interface DemoProgress {
  update(state: { readonly done: number; readonly total: number; readonly text: string }): void;
  end(): void;
}

export interface DemoOptions {
  /** Simulated devices, at least 1. */
  readonly devices: number;
  /** End after the migration; else stay up until SIGINT or SIGTERM. */
  readonly once: boolean;
  /** One JSON document on `out` instead of tables. */
  readonly json: boolean;
  readonly out: Writable;
  readonly err: Writable;
  readonly progress?: DemoProgress;
  /** Milliseconds that the fleet publishes undisturbed after each step; default 500. */
  readonly soakMs?: number;
  readonly loses?: DemoWorldOptions['loses'];
}

const defaultSoakMs = 500;
/** Milliseconds that the last messages get to be acknowledged. */
const lastAcknowledgementsMs = 10_000;
/** Milliseconds after it for what was acknowledged, or sent at QoS 0, to show at a broker. */
const lastArrivalsMs = 2_000;

/**
 * Moves a simulated fleet over and back in an embedded world. Resolves with the exit code: 0 when every check holds, 1
 * when one does not or the script was interrupted. Rejects with CrossfadeError when the world cannot start. Processes
 * and files of the demo are gone in every case.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort(new CrossfadeError('interrupted', 'the demo was interrupted'));
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    return await showDemo(options, interruption.signal);
  } catch (error) {
    // Whatever was under way, a bounded wait or a call, broke off because of it.
    if (!interruption.signal.aborted) throw error;
    options.progress?.end();
    options.err.write('Interrupted before the migration was over\n');
    return 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function showDemo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const { devices, json, out, err, loses } = options;
  const startedAt = performance.now();
  if (!json) out.write(renderIntroduction(devices));
  await using world = await openDemoWorld({ devices, signal, loses });
  const report = await migrate(world, { options, startedAt, signal });
  out.write(json ? `${JSON.stringify(report)}\n` : renderReport(report));
  if (!options.once) {
    (json ? err : out).write(renderInvitation(world.adminUrl, world.adminToken));
    if (!signal.aborted) await once(signal, 'abort');
  }
  return report.ok ? 0 : 1;
}

async function migrate(
  world: DemoWorld,
  {
    options: { devices, progress, once: isOnce, soakMs = defaultSoakMs },
    startedAt,
    signal,
  }: { readonly options: DemoOptions; readonly startedAt: number; readonly signal: AbortSignal },
): Promise<DemoReport> {
  const total = devices * scriptSteps.length;
  const onInPlace = (step: number, name: string, inPlace: number) =>
    progress?.update({ done: step * devices + inPlace, total, text: `${name}: ${inPlace} of ${devices} in place` });
  const steps = await runMigration(world, { signal, soakMs, onInPlace });
  world.fleet.stopTelemetry();
  await waitForLastMessages(world, signal);
  progress?.end();
  const messages = world.ledger.tally();
  const checks = judgeDemo(devices, steps, messages);
  if (!isOnce) world.fleet.startTelemetry();
  return {
    ok: checks.every(({ ok }) => ok),
    devices,
    mix: describeMix(world),
    source: sourceBroker,
    target: targetBroker,
    steps,
    messages,
    checks,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

async function waitForLastMessages({ ledger, deliveries }: DemoWorld, signal: AbortSignal): Promise<void> {
  await deliveries.until(() => ledger.tally().unacknowledged === 0, { timeoutMs: lastAcknowledgementsMs, signal });
  await deliveries.until(() => ledger.isSettled, { timeoutMs: lastArrivalsMs, signal });
}

function describeMix({ fleet }: DemoWorld): FleetMix {
  const count = (has: (traits: (typeof fleet.devices)[number]['traits']) => boolean) =>
    fleet.devices.filter(({ traits }) => has(traits)).length;
  return {
    mqtt31: count(({ protocol }) => protocol === '3.1'),
    mqtt311: count(({ protocol }) => protocol === '3.1.1'),
    mqtt5: 0,
    serverName: count(({ sendsServerName }) => sendsServerName),
    alpn: count(({ alpn }) => alpn !== undefined),
    persistent: count(({ isPersistent }) => isPersistent),
  };
}
