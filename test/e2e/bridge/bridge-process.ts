import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SpawnedProcess } from '../../integration/spawned-process.ts';

const cli = join(import.meta.dirname, '../../../bin/crossfade.js');

/** What the bridge says of itself on /metrics, summed over its rules. */
export interface BridgeFigures {
  readonly spooled: number;
  readonly deadLetters: number;
  readonly lanes: number;
  readonly openLanes: number;
  readonly members: number;
  readonly subscribedMembers: number;
  /** Messages by what became of them: `received`, `carried`, `resent`, `duplicate-suppressed`, `echo` and so on. */
  readonly messages: Readonly<Record<string, number>>;
  readonly sessionsLost: number;
  readonly stopped: number;
}

export interface ProcessSize {
  readonly rssMiB: number;
  readonly descriptors: number;
}

/** `crossfade bridge run`, which can be killed, frozen and started again. */
export class BridgeProcess {
  readonly #configPath: string;
  readonly #lines: string[] = [];
  #process: SpawnedProcess;
  #starts = 0;

  constructor(configPath: string) {
    this.#configPath = configPath;
    this.#process = this.#spawn();
  }

  get starts(): number {
    return this.#starts;
  }

  /** Of every process so far. */
  get lines(): readonly string[] {
    return [...this.#lines, ...this.#process.lines];
  }

  /** Ready, and every source has answered. */
  async open(): Promise<void> {
    await this.#process.line(/the bridge is open/);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
    this.#lines.push(...this.#process.lines);
  }

  startAgain(): void {
    this.#process = this.#spawn();
  }

  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  /** Ends it in order; gives its exit code. */
  async stop(): Promise<number | null> {
    this.thaw();
    return (await this.#process.stop(20_000)).code;
  }

  async figures(): Promise<BridgeFigures> {
    const ready = JSON.parse(await this.#process.line(/"event":"ready"/)) as { readonly admin: string };
    const answer = await fetch(`${ready.admin}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return toFigures(parseMetrics(await answer.text()));
  }

  async size(): Promise<ProcessSize> {
    const { pid } = this.#process.child;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const descriptors = await readdir(`/proc/${pid}/fd`);
    const kiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return { rssMiB: Math.round(kiB / 1_024), descriptors: descriptors.length };
  }

  #spawn(): SpawnedProcess {
    this.#starts += 1;
    return new SpawnedProcess(process.execPath, [cli, 'bridge', 'run', '--config', this.#configPath]);
  }
}

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

function parseMetrics(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, labels, value: Number(value) }];
  });
}

function toFigures(samples: readonly Sample[]): BridgeFigures {
  const of = (name: string) => samples.filter((sample) => sample.name === `crossfade_bridge_${name}`);
  const sum = (name: string) => of(name).reduce((total, { value }) => total + value, 0);
  const messages: Record<string, number> = {};
  for (const { labels, value } of of('messages_total')) {
    const result = /result="([^"]*)"/.exec(labels)?.[1] ?? '';
    messages[result] = (messages[result] ?? 0) + value;
  }
  return {
    spooled: sum('spool_messages'),
    deadLetters: sum('dead_letters_total'),
    lanes: of('lane_open').length,
    openLanes: sum('lane_open'),
    members: of('subscribed').length,
    subscribedMembers: sum('subscribed'),
    messages,
    sessionsLost: sum('sessions_lost_total'),
    stopped: of('state').filter(({ labels, value }) => labels.includes('state="stopped"') && value > 0).length,
  };
}
