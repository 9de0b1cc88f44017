import type { JsonLine, LineProcess } from '../relay/line-process.ts';
import { cpuMs, machineCpu, processTree } from '../relay/process-usage.ts';
import type { Contender, RunningContender } from './contender.ts';

/** What one command to the load did, and what it cost everybody. */
export interface Measurement {
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly sourceCpuMs: number;
  /** 0 where the bridge is in the source broker. */
  readonly bridgeCpuMs: number;
  readonly targetCpuMs: number;
  readonly loadCpuMs: number;
  /** All others on the machine, this program included. */
  readonly othersCpuMs: number;
  /** Taken away from the machine by its hypervisor. */
  readonly stolenMs: number;
  readonly elapsedMs: number;
  /** Messages that came twice, though no connection was lost. */
  readonly duplicates: number;
}

/** A contender that stands ready, and the load on it. */
export interface Stand {
  readonly contender: Contender;
  readonly running: RunningContender;
  readonly load: LineProcess;
}

/** Throws where a message was lost, or overtaken by a later one of its key where that must not be. */
export async function obey({ contender, load }: Stand, command: string): Promise<JsonLine> {
  load.send(command);
  const done = await load.next('done', 60_000);
  if (command === 'probe') {
    if (done['count'] === 0) throw new Error(`${contender.label}: nothing arrives`);
    return done;
  }
  const { lost, disordered } = done;
  if (lost !== 0) throw new Error(`${contender.label}, "${command}": ${String(lost)} messages are lost`);
  if (contender.keepsOrder && disordered !== 0) {
    throw new Error(`${contender.label}, "${command}": ${String(disordered)} messages came out of their order`);
  }
  return done;
}

export async function measure(stand: Stand, command: string): Promise<Measurement> {
  const before = readMeters(stand.running);
  const startedMs = performance.now();
  const done = await obey(stand, command);
  const after = readMeters(stand.running);
  const spent = (meter: 'source' | 'bridge' | 'target' | 'distance') => after[meter] - before[meter];
  const [source, bridge, target] = [spent('source'), spent('bridge'), spent('target')];
  const loadCpuMs = Number(done['cpuNs']) / 1e6;
  const busyMs = after.machine.busyMs - before.machine.busyMs;
  return {
    messages: Number(done['count']),
    messagesPerSecond: (Number(done['heardInTime']) * 1e9) / Number(done['elapsedNs']),
    p50Us: Number(done['p50Us']),
    p99Us: Number(done['p99Us']),
    p999Us: Number(done['p999Us']),
    ...{ sourceCpuMs: source, bridgeCpuMs: bridge, targetCpuMs: target, loadCpuMs },
    othersCpuMs: Math.max(0, busyMs - source - bridge - target - spent('distance') - loadCpuMs),
    stolenMs: after.machine.stolenMs - before.machine.stolenMs,
    elapsedMs: performance.now() - startedMs,
    duplicates: Number(done['duplicates']),
  };
}

function readMeters({ source, target, bridgePid, distancePid }: RunningContender) {
  return {
    source: cpuMs([source.pid]),
    bridge: bridgePid === undefined ? 0 : cpuMs(processTree(bridgePid)),
    target: cpuMs([target.pid]),
    distance: distancePid === undefined ? 0 : cpuMs([distancePid]),
    machine: machineCpu(),
  };
}
