import type { WhereDocument } from '../admin/admin-api.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { SessionsReply } from './process-messages.ts';
import type { WorkerHub } from './worker-hub.ts';

export interface DeviceHomeDeps {
  readonly hub: Pick<WorkerHub, 'workers' | 'ask'>;
  /** Of a persistent session, its device connected or not. */
  readonly homeOf: (clientId: string) => string | undefined;
}

const answerMs = 1_000;
/** Sessions of one key that are looked at. */
const sessionsOfKey = 100;

/** The broker that holds the device's session: of several with its key the one that began last, else the recorded home. */
export async function deviceHome(
  device: DeviceIdentity,
  { kind, key }: Assignment,
  { hub, homeOf }: DeviceHomeDeps,
): Promise<Required<Pick<WhereDocument, 'home' | 'connected'>>> {
  const clientId = device.clientId ?? (kind === 'clientid' ? key : undefined);
  const filter = clientId === undefined ? { key: `${kind}:${key}` } : { clientId };
  if (clientId === undefined && key === undefined) return { home: null, connected: null };
  const question = { kind: 'sessions', filter: { ...filter, limit: sessionsOfKey } } as const;
  const replies = await Promise.all(hub.workers().map(({ worker }) => hub.ask(worker, question, answerMs)));
  const [newest] = replies
    .flatMap((reply) => (reply as SessionsReply | undefined) ?? [])
    .toSorted((one, other) => other.since - one.since);
  if (newest !== undefined) return { home: newest.home, connected: true };
  const recorded = clientId === undefined ? undefined : homeOf(clientId);
  return { home: recorded ?? null, connected: replies.includes(undefined) ? null : false };
}
