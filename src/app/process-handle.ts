import type { BridgeNews, ChildMessage, SupervisorMessage } from './process-messages.ts';

/** What every process of the gateway does on the supervisor's word. */
export interface ProcessHandle {
  readonly bound: Extract<ChildMessage, { kind: 'ready' }>['bound'];
  /** Resolves when it is in force. */
  reload(materials: Extract<SupervisorMessage, { kind: 'reload' }>['materials']): Promise<void>;
  /** The answer to `read-zones`. */
  zonesRead?(message: Extract<SupervisorMessage, { kind: 'zones-read' }>): void;
  /** Of the gateway's own process of the bridge. */
  bridgeSaid?(news: BridgeNews): void;
  /** Resolves when nothing is left to wait for, at the latest after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
}
