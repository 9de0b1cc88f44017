import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Debian puts daemons where a user's PATH does not look. */
const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Whoever waits for a line longer than this, in milliseconds, hears what came instead. */
const lineDeadlineMs = 30_000;

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process whose lines are remembered, stdout's and stderr's together, and can be waited for. */
export class SpawnedProcess {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly exited: Promise<ProcessEnd>;
  readonly #name: string;
  readonly #watchers = new Set<() => void>();
  #end: ProcessEnd | undefined;

  constructor(command: string, commandLine: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#name = command.split('/').at(-1) ?? command;
    this.child = spawn(command, commandLine, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: searchPath, ...environment },
    });
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.lines.push(error.message);
        resolve({ code: null, signal: null });
      });
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
    void this.exited.then((end) => {
      this.#end = end;
      this.#notify();
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.#notify();
      });
    }
    liveProcesses.add(this);
    void this.exited.then(() => liveProcesses.delete(this));
  }

  get hasExited(): boolean {
    return this.#end !== undefined;
  }

  /**
   * The first line, from number `from` on, that `pattern` matches; it may have come already. Rejects when the process
   * ends first, or with what was printed when the line does not come in time.
   */
  async line(pattern: RegExp | string, from = 0): Promise<string> {
    const matches = (line: string) => (typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line));
    const deadline = AbortSignal.timeout(lineDeadlineMs);
    for (let next = from; ; ) {
      for (; next < this.lines.length; next++) {
        const line = this.lines[next] ?? '';
        if (matches(line)) return line;
      }
      if (this.#end !== undefined) throw new Error(`${this.#name} ended before ${pattern}: ${this.#tail()}`);
      if (deadline.aborted) throw new Error(`${this.#name} did not print ${pattern}, but: ${this.#tail()}`);
      await this.#change(deadline);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when that does not end it within `graceMs`. */
  async stop(graceMs = 3_000): Promise<ProcessEnd> {
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs);
    const end = await this.exited;
    clearTimeout(timer);
    return end;
  }

  #change(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        this.#watchers.delete(settle);
        deadline.removeEventListener('abort', settle);
        resolve();
      };
      this.#watchers.add(settle);
      deadline.addEventListener('abort', settle);
    });
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #tail(): string {
    return `\n${this.lines.slice(-30).join('\n')}`;
  }
}

const liveProcesses = new Set<SpawnedProcess>();
const liveDirectories = new Set<string>();
// The test runner ends a file that takes too long; its children and directories must not stay behind.
process.on('exit', () => {
  for (const live of liveProcesses) live.kill('SIGKILL');
  for (const path of liveDirectories) rmSync(path, { recursive: true, force: true });
});
process.once('SIGTERM', () => process.exit(143));

/** A directory that goes with `await using`. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'crossfade-integration-'));
  liveDirectories.add(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      liveDirectories.delete(path);
    },
  };
}

/** A port below the range that outgoing connections take theirs from; whoever binds it must still expect it to be taken. */
export function likelyFreePort(): number {
  return 15_000 + Math.floor(Math.random() * 15_000);
}
