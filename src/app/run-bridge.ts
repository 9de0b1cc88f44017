import type { IncomingMessage, ServerResponse } from 'node:http';
import { Registry } from '@prometheus-io/client';
import { createBoundedServer, httpBoundDefaults } from '../admin/http-listener.ts';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import { systemClock } from '../base/clock.ts';
import { CrossfadeError } from '../base/errors.ts';
import { type Bridge, startBridge } from '../bridge/bridge.ts';
import { registerBridgeMetrics } from '../bridge/bridge-metrics.ts';
import type { Configuration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { readTlsMaterial } from '../config/tls-material.ts';
import { createLogger } from '../telemetry/logger.ts';
import { bridgeDialer, bridgeSettings } from './bridge-terms.ts';

/** The line that `crossfade bridge run` prints once it has its directory and its port. */
export interface BridgeReadyEvent {
  readonly event: 'ready';
  readonly rules: readonly string[];
  /** `host:port`, where the configuration asks for one. */
  readonly metrics?: string;
}

export interface RunningBridge {
  readonly ready: BridgeReadyEvent;
  /** Finishes what is on its way, and says goodbye to both brokers. Idempotent. */
  stop(): Promise<void>;
  /** Settles with the exit code when the bridge has ended. */
  readonly exited: Promise<number>;
}

/** Runs the bridge alone, in this process. Rejects with CrossfadeError when it cannot start. */
export async function runBridge(
  configuration: Configuration,
  { handleSignals = false }: { readonly handleSignals?: boolean } = {},
): Promise<RunningBridge> {
  if (configuration.bridge.rules.length === 0) {
    throw new CrossfadeError('bridge', 'the configuration has no bridge.rules: there is nothing to carry');
  }
  const log = createLogger({ level: configuration.log.level, component: 'bridge' });
  const materials = readTlsMaterial(configuration, createSystemSource());
  if (!materials.ok) throw new CrossfadeError('files', materials.error.join('\n'));
  const dialer = bridgeDialer(configuration, materials.value, log);
  const bridge = await startBridge(bridgeSettings(configuration), { dialer, clock: systemClock, log });
  void bridge.open.then(() => log.info({}, 'Every source has answered: the bridge is open'));
  const server = configuration.bridge.metrics && (await serveMetrics(bridge, configuration.bridge.metrics));
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= bridge.stop().then(() => {
      dialer.close();
      server?.close();
      resolve(0);
    });
    return stopping;
  };
  if (handleSignals) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
  return {
    ready: {
      event: 'ready',
      rules: configuration.bridge.rules.map(({ name }) => name),
      ...(server !== undefined && { metrics: addressOf(server) }),
    },
    stop,
    exited,
  };
}

type MetricsServer = ReturnType<typeof createBoundedServer>;

async function serveMetrics(bridge: Bridge, { host, port }: HostPort): Promise<MetricsServer> {
  const registry = new Registry();
  registerBridgeMetrics(registry, bridge);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/healthz') response.end('ok\n');
    else if (request.url === '/metrics') {
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
    } else response.writeHead(404).end();
  };
  const server = createBoundedServer((request, response) => void answer(request, response), {
    bounds: httpBoundDefaults,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    await bridge.stop();
    throw error;
  }
  return server;
}

function addressOf(server: MetricsServer): string {
  const address = server.address();
  return typeof address === 'object' && address !== null
    ? renderHostPort({ host: address.address, port: address.port })
    : '';
}
