import { setTimeout as wait } from 'node:timers/promises';
import type { HandoverWorld } from '../../test/e2e/handover/handover-world.ts';
import { moveCohort, prepare } from '../../test/e2e/handover/operator.ts';
import { cpuMs, processTree, residence } from '../relay/process-usage.ts';

/** What one preparation, cutover and rollback of an idle cohort took; CPU and memory are the whole gateway's. */
export interface RoundFigures {
  readonly sessions: number;
  readonly prepareMs: number;
  readonly preparedPerSecond: number;
  readonly prepareCpuMsPerSession: number;
  readonly preparedKbPerSession: number;
  readonly commitMs: number;
  readonly commitCpuMsPerSession: number;
  readonly rollbackMs: number;
  readonly rollbackCpuMsPerSession: number;
}

/** Until memory and CPU of what went before have settled. */
const settleMs = 1_000;
/** Dials faster than any gateway. */
const unpaced = 100_000;

/** `windowMs`: the rollback window, after which the second legs are gone again. */
export async function measureRound(world: HandoverWorld, windowMs: number): Promise<RoundFigures> {
  const pids = processTree(world.gateway.pid);
  const sessions = (await world.gateway.status()).brokers['legacy']?.sessions ?? 0;
  const idleKb = residence(pids).pssKb;
  const preparing = await withCpu(pids, () => prepare(world, { pacePerSecond: unpaced }));
  if (preparing.value.state !== 'done') throw new Error(`the preparation ended as ${preparing.value.state}`);
  await wait(settleMs);
  const preparedKb = residence(pids).pssKb;
  const commit = await withCpu(pids, () => moved(world, 'cutover', sessions));
  const rollback = await withCpu(pids, () => moved(world, 'rollback', sessions));
  await wait(windowMs + 2 * settleMs);
  const { preparedMs } = preparing.value;
  return {
    sessions,
    prepareMs: preparedMs,
    preparedPerSecond: (sessions * 1_000) / preparedMs,
    prepareCpuMsPerSession: preparing.cpuMs / sessions,
    preparedKbPerSession: (preparedKb - idleKb) / sessions,
    commitMs: commit.value,
    commitCpuMsPerSession: commit.cpuMs / sessions,
    rollbackMs: rollback.value,
    rollbackCpuMsPerSession: rollback.cpuMs / sessions,
  };
}

/** Milliseconds until all had switched. */
async function moved(world: HandoverWorld, verb: 'cutover' | 'rollback', sessions: number): Promise<number> {
  const { state, moved: count, message, switchedMs } = await moveCohort(world, verb, { name: verb, live: 'handover' });
  if (state !== 'done' || count < sessions) {
    throw new Error(`the ${verb} ended as ${state} with ${count} of ${sessions} sessions moved: ${message}`);
  }
  return switchedMs;
}

async function withCpu<Value>(pids: readonly number[], work: () => Promise<Value>) {
  const beforeMs = cpuMs(pids);
  const value = await work();
  return { value, cpuMs: cpuMs(pids) - beforeMs };
}
