import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../src/base/result.ts';
import { FirstContacts } from '../../src/gateway/first-contacts.ts';
import type { GatewayPorts } from '../../src/gateway/gateway-ports.ts';
import { type DialContext, dialLeg, type LegOwner } from '../../src/gateway/leg-dial.ts';
import type { UpstreamRequest } from '../../src/gateway/upstream-connector.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { testLimits } from './gateway-world.ts';

const connect = {
  ...{ protocol: '3.1.1', level: 4, bridge: false, clientId: 'meter-1', hasPassword: false, cleanStart: true },
  ...{ sessionExpiryInterval: 0, keepAliveSeconds: 60, properties: undefined },
} as const;
const device = {
  ...{ rendezvousKey: 'meter-1', remoteAddress: '192.0.2.1', remotePort: 1, localAddress: '192.0.2.2', localPort: 2 },
  certificateVerified: false,
};
// The parts of a session that a dial looks at.
const owner = {
  record: { clientId: 'meter-1', sessionExpiryInterval: 0 },
  origin: { connect, device, generatedClientId: '', listenerMaxPacketBytes: 1_000 },
} as LegOwner;

interface World {
  /** Resolves, for each token that is asked for, when there is one. */
  readonly token: (asked: number) => Promise<boolean>;
  /** The broker never says anything, and its second endpoint needs a token. */
  readonly endpoints: number;
}

async function dial({ token, endpoints }: World) {
  let asked = 0;
  const connectToken = () => {
    asked += 1;
    return token(asked);
  };
  const upstream = {
    async connect(request: UpstreamRequest) {
      for (let further = 1; further < endpoints; further += 1) await request.connectToken();
      if (!request.signal.aborted) await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      return failure({ code: 'aborted', message: 'aborted' } as const);
    },
  };
  const ports = { registry: { connectToken }, upstream, metrics: createMetrics() } as unknown as GatewayPorts;
  const settings = { clientIdPolicy: 'any' } as const;
  const contacts = new FirstContacts({}, ports);
  const context: DialContext = { settings, limits: testLimits, ports, contacts };
  const { signal } = new AbortController();
  const dialled = await dialLeg(owner, { broker: 'target', session: 'fresh', signal, timeoutMs: 40 }, context);
  return dialled.ok ? undefined : dialled.error;
}

const after = (ms: number) => new Promise<boolean>((resolve) => setTimeout(resolve, ms, true));

test('what the gateway itself lets a CONNECT wait is none of the time that its broker has', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  setTimeout(resolve, 80, false);
  const queued = await dial({ endpoints: 1, token: () => promise });
  assert.deepEqual([queued?.kind, queued?.message], ['rate', 'no connect token in time']);
  const silent = await dial({ endpoints: 1, token: () => after(80) });
  assert.deepEqual([silent?.kind, silent?.message], ['timeout', 'no CONNACK within 40 ms']);
});

test('a further endpoint that had no token in time is not taken for a broker that is silent', async () => {
  const failed = await dial({ endpoints: 2, token: (asked) => (asked === 1 ? after(0) : after(200)) });
  assert.equal(failed?.kind, 'rate');
});
