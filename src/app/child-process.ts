import { type ChildProcess, fork } from 'node:child_process';
import { CrossfadeError } from '../base/errors.ts';
import type { ChildMessage, SupervisorMessage } from './process-messages.ts';

type StartMessage = Extract<SupervisorMessage, { kind: 'start' }>;
export type BoundPorts = Extract<ChildMessage, { kind: 'ready' }>['bound'];

export interface ChildHandlers {
  /** It ended, whether it had become ready or not. `reason` is for the operator. */
  readonly onExit: (reason: string) => void;
  readonly onMessage: (message: ChildMessage) => void;
}

/** One forked process of the gateway. */
export interface Child {
  readonly pid: number;
  /** Resolves once all its ports are bound; rejects with CrossfadeError when it cannot start. */
  readonly ready: Promise<BoundPorts>;
  send(message: SupervisorMessage): void;
  kill(signal: NodeJS.Signals): void;
}

// `.ts` in a checkout, `.js` in the package: whatever this file is.
const entry = new URL(import.meta.url.endsWith('.ts') ? './process-entry.ts' : './process-entry.js', import.meta.url);

export function startChild(start: StartMessage, { onExit, onMessage }: ChildHandlers): Child {
  const child = fork(entry, [], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  // A channel that closes shows as an exit right after.
  child.on('error', () => {});
  const ready = waitUntilReady(child);
  ready.catch(() => {});
  child.on('message', onMessage);
  child.once('exit', (code, signal) => onExit(signal === null ? `exit code ${code}` : `signal ${signal}`));
  send(child, start);
  return {
    pid: child.pid ?? 0,
    ready,
    send: (message) => send(child, message),
    kill: (signal) => void child.kill(signal),
  };
}

function send(child: ChildProcess, message: SupervisorMessage): void {
  if (child.connected) child.send(message, () => {});
}

function waitUntilReady(child: ChildProcess): Promise<BoundPorts> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'ready') resolve(message.bound);
      if (message.kind === 'failed') reject(new CrossfadeError(message.code, message.message));
    });
    child.once('exit', (code, signal) => {
      reject(
        new CrossfadeError('process-ended', `a process ended before it was ready (${signal ?? `exit code ${code}`})`),
      );
    });
  });
}
