import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a child answers: one method a question. */
export type Api<Self> = { readonly [Name in keyof Self]: (question: never) => unknown };

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly question: unknown;
}

type Answered = { readonly id: number } & ({ readonly answer: unknown } | { readonly problem: string });

/** A program of this folder in a process of its own, asked over IPC. It ends with its parent. */
export class ChildProgram<Served extends Api<Served>> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #open = new Map<number, (answered: Answered) => void>();
  #lastId = 0;

  /** `file`: beside this one. */
  constructor(file: string) {
    this.#name = file;
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message: Answered) => {
      this.#open.get(message.id)?.(message);
      this.#open.delete(message.id);
    });
    this.#child.once('exit', (code, signal) => {
      const problem = `${this.#name} ended: ${code ?? signal}`;
      for (const [id, settle] of this.#open) settle({ id, problem });
      this.#open.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask<Name extends keyof Served & string>(
    name: Name,
    question: Parameters<Served[Name]>[0],
  ): Promise<Awaited<ReturnType<Served[Name]>>> {
    this.#lastId += 1;
    const asked: Asked = { id: this.#lastId, name, question };
    return new Promise((resolve, reject) => {
      this.#open.set(asked.id, (answered) => {
        if ('problem' in answered) reject(new Error(`${this.#name}, ${name}: ${answered.problem}`));
        else resolve(answered.answer as Awaited<ReturnType<Served[Name]>>);
      });
      this.#child.send(asked);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** The child's side: answers its parent until that goes. */
export function serve<Served extends Api<Served>>(api: Served): void {
  process.on('message', async ({ id, name, question }: Asked) => {
    const method = api[name as keyof Served];
    try {
      process.send?.({ id, answer: await method(question as never) });
    } catch (error) {
      process.send?.({ id, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}
