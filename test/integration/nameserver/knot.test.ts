import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AllowedDifference, allowedDifferences } from './allowed-differences.ts';
import { startGatewayNameserver } from './gateway-nameserver.ts';
import { startKnot } from './knot-server.ts';
import { comparedFiles } from './matrix-zones.ts';
import { describeReply } from './message-description.ts';
import { type MatrixMessage, oddMessages, questionMessages } from './message-matrix.ts';
import { askOverTcp, type Reply, UdpAsker } from './wire-asker.ts';
import type { ServerUnderTest } from './zone-server.ts';

const messages = [...questionMessages, ...oddMessages];

describe('our answers are Knot’s, flag for flag and section for section', { timeout: 300_000 }, () => {
  const stack = new AsyncDisposableStack();
  const used = new Set<AllowedDifference>();
  let knot: ServerUnderTest;
  let ours: ServerUnderTest;
  before(async () => {
    knot = stack.use(await startKnot({ files: comparedFiles }));
    const zones = Object.entries(comparedFiles).map(([origin, file]) => ({ origin, file }));
    ours = stack.use(await startGatewayNameserver({ zones }));
  });
  after(() => stack.disposeAsync());

  test('no two messages have the same name', () => {
    assert.equal(new Set(messages.map(({ name }) => name)).size, messages.length);
    assert.ok(messages.length >= 2_000, `${messages.length} messages`);
  });

  test('over UDP', async () => {
    using atKnot = new UdpAsker(knot.port);
    using atOurs = new UdpAsker(ours.port);
    await compareAll('udp', (message) => Promise.all([atKnot.ask(message), atOurs.ask(message)]));
  });

  test('over TCP', async () => {
    await compareAll('tcp', (message) => Promise.all([askOverTcp(knot.port, message), askOverTcp(ours.port, message)]));
  });

  test('every allowed difference is one', () => {
    assert.deepEqual(
      allowedDifferences.filter((difference) => !used.has(difference)).map(({ reason }) => reason),
      [],
    );
  });

  async function compareAll(transport: 'udp' | 'tcp', ask: (message: Uint8Array) => Promise<[Reply, Reply]>) {
    const failures: string[] = [];
    for (const matrixMessage of messages) {
      const difference = differenceOf(...(await ask(matrixMessage.message)));
      if (difference === undefined) continue;
      const allowed = allowedDifferences.find((candidate) => allows(candidate, transport, matrixMessage, difference));
      if (allowed === undefined) failures.push(renderDifference(matrixMessage, difference));
      else used.add(allowed);
    }
    assert.equal(failures.length, 0, `\n${failures.join('\n')}`);
  }
});

/** In another order, or another number of times. */
const otherwise = 'the same lines otherwise';

interface Difference {
  readonly atKnot: string;
  readonly atOurs: string;
}

/** Lines that only one of them says. */
function differenceOf(knotReply: Reply, ourReply: Reply): Difference | undefined {
  // Knot ends a connection after a message that it cannot read; where the next one begins is known all the same.
  const atKnot = describeReply({ ...knotReply, isClosed: false });
  const atOurs = describeReply(ourReply);
  if (atKnot.join('\n') !== atOurs.join('\n')) {
    const onlyKnot = atKnot.filter((line) => !atOurs.includes(line));
    const onlyOurs = atOurs.filter((line) => !atKnot.includes(line));
    if (onlyKnot.length + onlyOurs.length === 0) return { atKnot: otherwise, atOurs: otherwise };
    return { atKnot: onlyKnot.join('\n'), atOurs: onlyOurs.join('\n') };
  }
  const more = (ourReply.message?.length ?? 0) - (knotReply.message?.length ?? 0);
  return more > 0 ? { atKnot: '', atOurs: `${more} octets more` } : undefined;
}

function allows(
  { messages: names, transport, atKnot, atOurs }: AllowedDifference,
  askedOver: 'udp' | 'tcp',
  { name }: MatrixMessage,
  difference: Difference,
): boolean {
  if (!names.test(name) || (transport !== undefined && transport !== askedOver)) return false;
  return matches(atKnot, difference.atKnot) && matches(atOurs, difference.atOurs);
}

function matches(pattern: RegExp | undefined, lines: string): boolean {
  return pattern === undefined ? lines === '' : pattern.test(lines);
}

function renderDifference({ name, message }: MatrixMessage, { atKnot, atOurs }: Difference): string {
  return `${name} (${message.toString('hex').slice(0, 400)})\n  Knot: ${atKnot}\n  ours: ${atOurs}`;
}
