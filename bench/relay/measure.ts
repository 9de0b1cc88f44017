import type { ContenderProcesses } from './contender.ts';
import { type JsonLine, LineProcess } from './line-process.ts';
import { cpuMs, machineCpu } from './process-usage.ts';
import { deviceCertificateCount, deviceDomain, type World } from './world.ts';

/** What one command to the devices did, and what it cost everybody. */
export interface Measurement {
  /** Connects or acknowledged messages. */
  readonly count: number;
  readonly elapsedMs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly proxyCpuMs: number;
  readonly workerCpuMs: number;
  /** The devices and the brokers together. */
  readonly peerCpuMs: number;
  /** All others on the machine, this program included. */
  readonly othersCpuMs: number;
  /** Taken away from the machine by its hypervisor. */
  readonly stolenMs: number;
  /** Upstream handshakes at the brokers, and how many of them resumed a session. */
  readonly upstreamHandshakes: number;
  readonly upstreamResumed: number;
}

export function startDevices(world: World, port: number): LineProcess {
  return new LineProcess({
    command: world.tools.load,
    args: [
      ...['--port', String(port), '--certs', world.files.devicePrefix],
      ...['--cert-count', String(deviceCertificateCount), '--servername', deviceDomain],
    ],
    ...(world.cores.peers !== undefined && { core: world.cores.peers }),
  });
}

/** Sends one command and waits for its end; throws when any device failed. */
export async function obey(devices: LineProcess, command: string): Promise<JsonLine> {
  devices.send(command);
  const done = await devices.next('done', 150_000);
  if (done['failed'] !== 0) {
    throw new Error(`"${command}": ${String(done['failed'])} failures, the first: ${String(done['firstFailure'])}`);
  }
  if (done['skipped'] !== 0) {
    throw new Error(`"${command}": ${String(done['skipped'])} devices or messages fell behind by seconds`);
  }
  return done;
}

export async function measure(
  world: World,
  devices: LineProcess,
  command: string,
  processes: ContenderProcesses,
): Promise<Measurement> {
  const before = await readMeters(world, processes);
  const done = await obey(devices, command);
  const after = await readMeters(world, processes);
  const proxyCpuMs = after.proxyCpuMs - before.proxyCpuMs;
  const peerCpuMs = after.brokerCpuMs - before.brokerCpuMs + Number(done['cpuNs']) / 1e6;
  return {
    count: Number(done['count']),
    elapsedMs: Number(done['elapsedNs']) / 1e6,
    p50Us: Number(done['p50Us']),
    p99Us: Number(done['p99Us']),
    proxyCpuMs,
    workerCpuMs: after.workerCpuMs - before.workerCpuMs,
    peerCpuMs,
    othersCpuMs: Math.max(0, after.machine.busyMs - before.machine.busyMs - proxyCpuMs - peerCpuMs),
    stolenMs: after.machine.stolenMs - before.machine.stolenMs,
    upstreamHandshakes: after.handshakes - before.handshakes,
    upstreamResumed: after.resumed - before.resumed,
  };
}

async function readMeters(world: World, processes: ContenderProcesses) {
  world.brokers.send('stats');
  const stats = await world.brokers.next('stats');
  return {
    handshakes: Number(stats['handshakes']),
    resumed: Number(stats['resumed']),
    brokerCpuMs: Number(stats['cpuNs']) / 1e6,
    proxyCpuMs: cpuMs(processes.all),
    workerCpuMs: cpuMs(processes.workers),
    machine: machineCpu(),
  };
}
