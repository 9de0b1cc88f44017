import type { ChildMessage, SupervisorMessage } from './process-messages.ts';

/** What every process of the gateway does on the supervisor's word. */
export interface ProcessHandle {
  readonly bound: Extract<ChildMessage, { kind: 'ready' }>['bound'];
  reload(materials: Extract<SupervisorMessage, { kind: 'reload' }>['materials']): void;
  /** Resolves when nothing is left to wait for, at the latest after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
}
