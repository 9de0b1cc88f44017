import { setTimeout as delay } from 'node:timers/promises';
import type { AdminClient } from '../admin/admin-client.ts';
import type { ServiceDocument } from '../admin/ledger-documents.ts';
import { toCommandFailure } from './admin-access.ts';
import { CommandFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

const pollMs = 250;
/** Milliseconds that the admin API may be away (a restart) before following is given up. */
const patienceMs = 30_000;

/** Asks for the service until it has ended what was begun; each step that ends is a line on stderr. Ctrl-C ends the following alone. */
export async function followService(
  client: AdminClient,
  began: ServiceDocument,
  terminal: Terminal,
  hasEnded: (service: ServiceDocument) => boolean,
): Promise<ServiceDocument> {
  const interruption = Promise.withResolvers<never>();
  const interrupt = () => interruption.reject(leftFailure(`no longer following ${began.name}, it goes on`));
  process.once('SIGINT', interrupt);
  const isOver = new AbortController();
  try {
    return await Promise.race([
      poll(client, began, terminal, { hasEnded, signal: isOver.signal }),
      interruption.promise,
    ]);
  } finally {
    isOver.abort();
    process.off('SIGINT', interrupt);
  }
}

async function poll(
  client: AdminClient,
  began: ServiceDocument,
  { stderr }: Terminal,
  { hasEnded, signal }: { readonly hasEnded: (service: ServiceDocument) => boolean; readonly signal: AbortSignal },
): Promise<ServiceDocument> {
  let service = began;
  let shown = began.history[0]?.at ?? '';
  let answeredAt = performance.now();
  while (!signal.aborted) {
    const fresh = service.history.filter(({ at }) => at > shown).toReversed();
    for (const { step, text } of fresh) stderr.write(`${printable(`${step}: ${text}`)}\n`);
    shown = fresh.at(-1)?.at ?? shown;
    if (hasEnded(service)) return service;
    await delay(pollMs);
    const answer = await client.service(began.name);
    if (answer.ok) {
      answeredAt = performance.now();
      service = answer.value;
    } else if (isFinal(answer.error) || performance.now() - answeredAt > patienceMs) {
      const { exitCode, message } = toCommandFailure(answer.error);
      throw new CommandFailure(exitCode, `lost sight of ${began.name}: ${message}`, nextStep);
    }
  }
  throw leftFailure(`no longer following ${began.name}`);
}

type Failure = Parameters<typeof toCommandFailure>[0];

/** A gateway that is away may come back; one that refuses the question will not change its mind. */
function isFinal(error: Failure): boolean {
  return error.kind === 'problem' && error.problem.status < 500;
}

const nextStep = 'it does not depend on this command: "crossfade services list" shows where it stands';

function leftFailure(message: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, message, nextStep);
}
