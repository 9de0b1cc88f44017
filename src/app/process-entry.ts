import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { runBridgeProcess } from './bridge-process.ts';
import { runControlProcess } from './control-process.ts';
import type { ProcessHandle } from './process-handle.ts';
import type { ChildMessage, SupervisorMessage } from './process-messages.ts';
import { runWorkerProcess } from './worker-process.ts';

type StartMessage = Extract<SupervisorMessage, { kind: 'start' }>;

const { promise: handle, resolve: started } = Promise.withResolvers<ProcessHandle>();

process.on('message', (message: SupervisorMessage) => void handleMessage(message));
// The supervisor is gone: nothing would restart or stop this process, and its ports must not outlive the gateway.
process.once('disconnect', () => process.exit(1));
// The terminal's Ctrl-C reaches the whole group; the supervisor decides what it means.
process.on('SIGINT', () => {});
// A service manager's SIGTERM reaches all of them too, or an operator's only this one: the drain is the supervisor's to begin.
process.on('SIGTERM', () => tell({ kind: 'told-to-end' }));
process.on('SIGHUP', () => {});

async function handleMessage(message: SupervisorMessage): Promise<void> {
  switch (message.kind) {
    case 'start':
      return start(message);
    case 'reload':
      await (await handle).reload(message.materials);
      return tell({ kind: 'reloaded', reload: message.reload });
    case 'zones-read':
      return (await handle).zonesRead?.(message);
    case 'bridge':
      return (await handle).bridgeSaid?.(message.news);
    case 'ping':
      return tell({ kind: 'pong' });
    case 'drain':
      await (await handle).drain(message.deadlineMs);
      return tell({ kind: 'drained' });
    case 'stop':
      await (await handle).stop();
      process.exit(0);
  }
}

async function start(message: StartMessage): Promise<void> {
  try {
    const running = await run(message);
    started(running);
    tell({ kind: 'ready', bound: running.bound });
  } catch (error) {
    const code = error instanceof CrossfadeError ? error.code : 'start';
    process.send?.({ kind: 'failed', message: errorMessage(error), code }, () => process.exit(1));
  }
}

function run(message: StartMessage): Promise<ProcessHandle> {
  switch (message.role.kind) {
    case 'control':
      return runControlProcess(message);
    case 'worker':
      return runWorkerProcess(message, message.role.worker);
    case 'bridge':
      return runBridgeProcess(message);
  }
}

function tell(message: ChildMessage): void {
  process.send?.(message);
}
