import { setTimeout as wait } from 'node:timers/promises';
import type { FailureKind, PlannedFailure } from './failure-plan.ts';
import type { SoakWorld, WorldName } from './soak-world.ts';
import type { Side } from './traffic-plan.ts';

/** The emulator has its state in its memory, and is not ended. */
export function kindsFor(world: WorldName, kinds: readonly FailureKind[]): readonly FailureKind[] {
  return world === 'aws' ? kinds.filter((kind) => kind !== 'restart-target') : kinds;
}

type What = 'kill' | 'freeze' | 'restart' | 'cut' | 'strand';

/** Makes a failure, and mends it after its time. */
export async function makeFailure(world: SoakWorld, { kind, lastsMs }: PlannedFailure): Promise<void> {
  const [what, whom] = kind.split('-') as [What, Side | 'bridge'];
  if (whom === 'bridge') await (what === 'kill' ? killBridge(world, lastsMs) : freeze(world.bridge, lastsMs));
  else if (what === 'freeze') await freeze(world.brokers[whom], lastsMs);
  else if (what === 'strand') await strand(world, whom, lastsMs);
  else if (what === 'cut') await cut(world.relays[whom], lastsMs);
  else await restart(world, whom, lastsMs);
}

async function killBridge({ bridge }: SoakWorld, lastsMs: number): Promise<void> {
  await bridge.kill();
  await wait(lastsMs);
  bridge.startAgain();
  await bridge.open();
}

async function freeze(frozen: { freeze(): void; thaw(): void }, lastsMs: number): Promise<void> {
  frozen.freeze();
  await wait(lastsMs);
  frozen.thaw();
}

async function strand({ bridge, brokers }: SoakWorld, side: Side, lastsMs: number): Promise<void> {
  brokers[side].freeze();
  await wait(untilSpooledMs + lastsMs);
  await bridge.kill();
  brokers[side].thaw();
  bridge.startAgain();
  await bridge.open();
}

/** `bridge.spool.afterMs`, and some messages on disk. */
const untilSpooledMs = 800;

async function cut(relay: { cut(): void; mend(): void }, lastsMs: number): Promise<void> {
  relay.cut();
  await wait(lastsMs);
  relay.mend();
}

async function restart({ brokers }: SoakWorld, side: Side, lastsMs: number): Promise<void> {
  const { stop, startAgain } = brokers[side];
  if (stop === undefined || startAgain === undefined) throw new Error(`expected a broker that saves, got ${side}`);
  await stop();
  await wait(lastsMs);
  await startAgain();
}
