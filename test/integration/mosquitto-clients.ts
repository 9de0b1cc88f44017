import { SpawnedProcess } from './spawned-process.ts';

export type ClientTool = 'mosquitto_pub' | 'mosquitto_sub' | 'mosquitto_rr';

/** Whatever hangs ends after this many milliseconds, with a signal instead of a code. */
const clientDeadlineMs = 15_000;

/** Starts one of Mosquitto's own clients; its output is line-buffered, so that what came can be waited for. */
export function startClient(tool: ClientTool, commandLine: readonly string[]): SpawnedProcess & AsyncDisposable {
  const client = new SpawnedProcess('stdbuf', ['-oL', tool, ...commandLine]);
  const timer = setTimeout(() => client.kill('SIGKILL'), clientDeadlineMs);
  void client.exited.then(() => clearTimeout(timer));
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      client.kill('SIGKILL');
      await client.exited;
    },
  });
}

export interface ClientOutcome {
  readonly code: number | null;
  /** Lines of stdout and stderr. */
  readonly lines: readonly string[];
}

export async function runClient(tool: ClientTool, commandLine: readonly string[]): Promise<ClientOutcome> {
  const client = startClient(tool, commandLine);
  const { code } = await client.exited;
  return { code, lines: client.lines };
}
