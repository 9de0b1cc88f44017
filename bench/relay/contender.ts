import type { LineProcess } from './line-process.ts';
import { listenersOn, processTree } from './process-usage.ts';
import type { World } from './world.ts';

/** One thing that stands between the devices and the brokers. */
export interface Contender {
  readonly name: string;
  /** For the table. */
  readonly label: string;
  /** What it is, exactly: versions and what was configured. */
  describe(): string;
  start(world: World): Promise<RunningContender>;
}

export interface RunningContender {
  /** Where devices connect on 127.0.0.1. */
  readonly port: number;
  readonly processes: ContenderProcesses;
  stop(): Promise<void>;
}

export interface ContenderProcesses {
  readonly all: readonly number[];
  /** Those that serve devices. */
  readonly workers: readonly number[];
}

/** A proxy whose root process is this child, and that listens on this port by now. */
export function runningContender(child: LineProcess, port: number): RunningContender {
  const all = processTree(child.pid);
  return { port, processes: { all, workers: listenersOn(port, all) }, stop: () => child.stop() };
}
