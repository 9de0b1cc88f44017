import { setTimeout as delay } from 'node:timers/promises';
import type { AdminClient } from '../admin/admin-client.ts';
import type { BridgeRuleDocument } from '../admin/bridge-documents.ts';
import { isFinalFailure, toCommandFailure } from './admin-access.ts';
import { isAtWork, problemsOf } from './bridge-rendering.ts';
import { CommandFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress, type Progress, type ProgressState } from './progress.ts';
import type { Terminal } from './terminal.ts';

const pollMs = 200;
/** Milliseconds a gateway may be away before following is given up. */
const patienceMs = 15_000;

/**
 * Asks for the rule until so many members stand and those beyond have left, with its progress on stderr. Ctrl-C ends the
 * following alone. Fails where another number is wanted meanwhile.
 */
export async function followScale(
  client: AdminClient,
  { name, members }: Pick<BridgeRuleDocument, 'name' | 'members'>,
  terminal: Terminal,
): Promise<BridgeRuleDocument> {
  const progress = createProgress(terminal);
  const interruption = Promise.withResolvers<never>();
  const interrupt = () => interruption.reject(leftFailure(`no longer following ${name}, its members go on`));
  process.once('SIGINT', interrupt);
  const isOver = new AbortController();
  try {
    return await Promise.race([pollRule(client, { name, members }, progress, isOver.signal), interruption.promise]);
  } finally {
    isOver.abort();
    process.off('SIGINT', interrupt);
    progress.end();
  }
}

async function pollRule(
  client: AdminClient,
  { name, members }: Pick<BridgeRuleDocument, 'name' | 'members'>,
  progress: Progress,
  signal: AbortSignal,
): Promise<BridgeRuleDocument> {
  let answeredAt = performance.now();
  while (!signal.aborted) {
    const answer = await client.bridge();
    if (answer.ok) {
      answeredAt = performance.now();
      const rule = answer.value.rules.find((candidate) => candidate.name === name);
      if (rule === undefined || rule.members !== members)
        throw leftFailure(`somebody wants another number of members of ${name} now`);
      progress.update(progressOf(rule, answer.value.processes.length));
      if (hasScaled(rule)) return rule;
    } else if (isFinalFailure(answer.error) || performance.now() - answeredAt > patienceMs) {
      const { exitCode, message } = toCommandFailure(answer.error);
      throw new CommandFailure(exitCode, `lost sight of ${name}: ${message}`, nextStep);
    }
    await delay(pollMs);
  }
  throw leftFailure(`no longer following ${name}`);
}

export function hasScaled({ slots, members }: Pick<BridgeRuleDocument, 'slots' | 'members'>): boolean {
  return slots.length === members && slots.every(isAtWork);
}

function progressOf({ slots, members }: BridgeRuleDocument, processes: number): ProgressState {
  const leaving = slots.filter(({ state }) => state === 'leaving');
  const waiting = leaving.reduce((sum, { spool }) => sum + spool.messages, 0);
  const told = [
    ...(leaving.length > 0 ? [`${leaving.length} leaving, with ${waiting} messages in their spools`] : []),
    ...problemsOf(slots),
    ...(processes === 0 ? ['no process of the bridge lives'] : []),
  ];
  return { done: slots.filter(isAtWork).length, total: members, text: ['members at work', ...told].join(', ') };
}

const nextStep = 'it does not depend on this command: "crossfade bridge status" shows where it stands';

function leftFailure(message: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, message, nextStep);
}
