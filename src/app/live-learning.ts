import type { ImportedDevice, ImportOutcome } from '../session/imported-subscriptions.ts';
import type { Ownership } from '../session/ownership.ts';
import type { HomeLedger } from './home-ledger.ts';
import type { ControlMessage } from './process-messages.ts';

export interface LiveLearningDeps {
  readonly homes: Pick<HomeLedger, 'learn' | 'remainsOf'>;
  readonly ownership: Pick<Ownership, 'ownerOf'>;
  readonly send: (worker: number, message: ControlMessage) => void;
}

/** Keeps what an operator knows, and tells it to the sessions that live. Throws when it cannot be written. */
export function learnLive(
  { importId, devices }: { readonly importId: string; readonly devices: readonly ImportedDevice[] },
  deps: LiveLearningDeps,
): readonly ImportOutcome[] {
  const outcomes = deps.homes.learn(importId, devices);
  for (const [index, { clientId }] of devices.entries()) {
    const outcome = outcomes[index];
    if (outcome !== 'known' && outcome !== 'no-room') tell(clientId, deps);
  }
  return outcomes;
}

/** What its next CONNECT would be answered with: all calls of the import together, and what the gateway saw before. */
function tell(clientId: string, { homes, ownership, send }: LiveLearningDeps): void {
  const owner = ownership.ownerOf(clientId);
  const subscriptions = homes.remainsOf(clientId)?.subscriptions;
  if (owner === undefined || subscriptions === undefined) return;
  const { worker, connection, epoch } = owner;
  send(worker, { kind: 'learn', connection, epoch, subscriptions });
}
