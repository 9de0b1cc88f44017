import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { processTree } from './process-usage.ts';

/** A line of a child's standard output that was a JSON object. */
export type JsonLine = Readonly<Record<string, unknown>>;

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The core it runs on; absent: any. */
  readonly core?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) killTree(child);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** A child process that speaks JSON lines, and that does not outlive this one. */
export class LineProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #lines: JsonLine[] = [];
  #errors = '';
  #wake: () => void = () => undefined;

  constructor(options: StartOptions) {
    const pinned = options.core === undefined ? [] : ['taskset', '-c', String(options.core)];
    const [command = '', ...args] = [...pinned, options.command, ...options.args];
    this.#name = options.command;
    this.#child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    running.add(this.#child);
    this.#child.on('error', (error) => this.#end(String(error)));
    this.#child.on('exit', () => this.#end(''));
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4_000);
    });
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start: ${this.#errors}`);
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it last wrote to its standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** The next line whose `event` is this one; lines before it are dropped. */
  async next(event: string, timeoutMs = 15_000): Promise<JsonLine> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        if (line['event'] === event) return line;
      }
      if (this.hasEnded) throw new Error(`${this.#name} ended before "${event}": ${this.#errors}`);
      const waitMs = deadline - Date.now();
      if (waitMs <= 0) throw new Error(`${this.#name} said no "${event}" in ${timeoutMs} ms: ${this.#errors}`);
      await this.#somethingNew(waitMs);
    }
  }

  send(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** SIGTERM, once more after half of the time, then SIGKILL. */
  async stop(timeoutMs = 6_000): Promise<void> {
    if (this.hasEnded || this.#child.pid === undefined) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    this.#child.kill('SIGTERM');
    const again = setTimeout(() => this.#child.kill('SIGTERM'), timeoutMs / 2);
    const last = setTimeout(() => killTree(this.#child), timeoutMs);
    await ended;
    clearTimeout(again);
    clearTimeout(last);
  }

  #take(line: string): void {
    if (!line.startsWith('{')) return;
    try {
      this.#lines.push(JSON.parse(line) as JsonLine);
    } catch {
      return;
    }
    if (this.#lines.length > 1_000) this.#lines.shift();
    this.#wake();
  }

  #end(error: string): void {
    running.delete(this.#child);
    this.#errors += error;
    this.#wake();
  }

  async #somethingNew(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function killTree(child: ChildProcess): void {
  for (const pid of child.pid === undefined ? [] : processTree(child.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
