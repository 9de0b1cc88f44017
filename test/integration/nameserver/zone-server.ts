import { randomBytes } from 'node:crypto';
import { systemClock } from '../../../src/base/clock.ts';
import type { AnswerSource } from '../../../src/dns/answer-source.ts';
import { createServerCookies } from '../../../src/dns/cookie.ts';
import { createResponder, type ResponderOptions } from '../../../src/dns/responder.ts';
import { NameserverSockets } from '../../../src/nameserver/nameserver-sockets.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

/** A nameserver on loopback, ours or another, at one port over UDP and TCP. */
export interface ServerUnderTest extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
}

/** What every server of a comparison says when it is asked for its name (RFC 5001). */
export const serverIdentifier = 'nameserver-under-test';

/** Our sockets and responder without the gateway around them. */
export async function startOurServer(source: AnswerSource, options: ResponderOptions = {}): Promise<ServerUnderTest> {
  const responder = createResponder({
    nsid: Buffer.from(serverIdentifier),
    cookies: createServerCookies([randomBytes(16)]),
    onFault: (fault) => {
      throw fault;
    },
    ...options,
  });
  const sockets = new NameserverSockets({
    answer: (message, address, transport) => responder(message, { address, transport }, Date.now(), source),
    clock: systemClock,
    log: createLogger({ level: 'silent', component: 'nameserver' }),
    tcp: { idleMs: 10_000, messageMs: 10_000, connections: 1_000, connectionsPerClient: 1_000 },
  });
  const { port } = await sockets.listen({ host: '127.0.0.1', port: 0 });
  return {
    name: 'Crossfade',
    port,
    async [Symbol.asyncDispose]() {
      sockets.stop();
    },
  };
}
