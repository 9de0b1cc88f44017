import { setImmediate as nextTurn } from 'node:timers/promises';
import { runInSlices, type Steps } from '../base/steps.ts';

/** Well below what a device or a resolver notices. */
const sliceMs = 5;

/** Long work of a process that serves meanwhile: sockets and timers have their turn after every slice. */
export function runBetweenTurns<Value>(steps: Steps<Value>): Promise<Value> {
  return runInSlices(steps, { sliceMs, nowMs: () => performance.now(), pause: () => nextTurn() });
}
