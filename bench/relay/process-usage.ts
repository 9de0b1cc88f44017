import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** A process and all that descend from it, itself first. */
export function processTree(root: number): readonly number[] {
  const childrenByParent = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? statFields(pid)?.[1] : undefined;
    if (parent === undefined) continue;
    childrenByParent.set(Number(parent), [...(childrenByParent.get(Number(parent)) ?? []), pid]);
  }
  const found = [root];
  for (let at = 0; at < found.length; at++) found.push(...(childrenByParent.get(found[at] ?? 0) ?? []));
  return found;
}

/** Milliseconds of CPU, user and system, that these processes have used so far (/proc/PID/stat; 10 ms steps). */
export function cpuMs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    // proc(5): utime and stime are fields 14 and 15; ours start at field 3, the state.
    if (fields) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1_000) / ticksPerSecond;
}

/** Milliseconds, summed over all cores, since the machine started. */
export interface MachineCpu {
  readonly busyMs: number;
  /** Taken away by the hypervisor while something here wanted to run. */
  readonly stolenMs: number;
}

export function machineCpu(): MachineCpu {
  // proc(5): user, nice, system, idle, iowait, irq, softirq, steal.
  const fields = readOrEmpty('/proc/stat').split('\n')[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  const msPerTick = 1_000 / ticksPerSecond;
  return { busyMs: (user + nice + system + irq + softirq) * msPerTick, stolenMs: steal * msPerTick };
}

export interface Residence {
  readonly rssKb: number;
  /** Resident, with shared pages divided among those that share them. */
  readonly pssKb: number;
}

export function residence(pids: readonly number[]): Residence {
  let rssKb = 0;
  let pssKb = 0;
  for (const pid of pids) {
    const rollup = readOrEmpty(`/proc/${pid}/smaps_rollup`);
    rssKb += Number(/^Rss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
    pssKb += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return { rssKb, pssKb };
}

/** Those of the processes that hold a socket listening on this TCP port: the ones that serve devices. */
export function listenersOn(port: number, pids: readonly number[]): readonly number[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readOrEmpty(table).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      // State 0A is LISTEN.
      if (fields[1]?.endsWith(suffix) && fields[3] === '0A') inodes.add(`socket:[${fields[9]}]`);
    }
  }
  return pids.filter((pid) => openFiles(pid).some((file) => inodes.has(file)));
}

function openFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}

/** The fields of /proc/PID/stat after the command name, which may itself contain blanks and brackets. */
function statFields(pid: number): readonly string[] | undefined {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
