import { Registry } from '@prometheus-io/client';
import { createBridgeServer } from '../admin/admin-server.ts';
import type { AdminServer } from '../admin/route-server.ts';
import { systemClock } from '../base/clock.ts';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { success } from '../base/result.ts';
import { type Bridge, startBridge } from '../bridge/bridge.ts';
import { registerBridgeMetrics } from '../bridge/bridge-metrics.ts';
import type { Configuration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { readTlsMaterial, type TlsMaterial } from '../config/tls-material.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { BridgeOperator } from './bridge-operator.ts';
import { hasBridgeWork } from './bridge-work.ts';
import { ServiceLedger } from './service-ledger.ts';
import { assertPortIsFree } from './port-probe.ts';
import { bridgeDialer, bridgeSettings, type ReloadableDialer } from './bridge-terms.ts';

/** The line that `crossfade bridge run` prints once it has its directory and its port. */
export interface BridgeReadyEvent {
  readonly event: 'ready';
  readonly rules: readonly string[];
  /** The URL of its admin API, where the configuration asks for one. */
  readonly admin?: string;
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
  if (!hasBridgeWork(configuration.bridge)) {
    throw new CrossfadeError('bridge', 'the configuration has no bridge.rules: there is nothing to carry');
  }
  const log = createLogger({ level: configuration.log.level, component: 'bridge' });
  const materials = readMaterials(configuration);
  // Before any slot is taken: a process that cannot stay would take them from others for nothing.
  const { admin } = configuration.bridge;
  if (admin !== undefined) await assertPortIsFree('bridge.admin', admin);
  const dialer = bridgeDialer(configuration, materials, log);
  const bridge = await startBridge(bridgeSettings(configuration), { dialer, clock: systemClock, log });
  void bridge.open.then(() => log.info({}, 'Every source has answered: the bridge is open'));
  const door = await openDoor(configuration, { bridge, materials, log });
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= bridge.stop().then(async () => {
      dialer.close();
      await door?.ledger.close();
      await door?.server.close();
      resolve(0);
    });
    return stopping;
  };
  if (handleSignals) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
    process.on('SIGHUP', () => reload(configuration, { dialer, door, log }));
  }
  return {
    ready: {
      event: 'ready',
      rules: configuration.bridge.rules.map(({ name }) => name),
      ...(door !== undefined && { admin: door.url }),
    },
    stop,
    exited,
  };
}

interface Door {
  readonly server: AdminServer;
  readonly ledger: ServiceLedger;
  readonly url: string;
}

interface DoorParts {
  readonly bridge: Bridge;
  readonly materials: TlsMaterial;
  readonly log: Logger;
}

/** The admin API at `bridge.admin`: of the gateway's what concerns the bridge, with the gateway's tokens and certificate. */
async function openDoor(
  configuration: Configuration,
  { bridge, materials, log }: DoorParts,
): Promise<Door | undefined> {
  const { admin, bridge: section, limits } = configuration;
  if (section.admin === undefined) return undefined;
  const operator = new BridgeOperator({ bridge: section, board: bridge.board, problem: () => undefined });
  const registry = new Registry();
  registerBridgeMetrics(registry, () => bridge.statuses());
  const ledger = ServiceLedger.open(configuration, materials, log);
  const tls = materials.admin;
  const server = createBridgeServer({
    backend: {
      ready: () => ({ ready: true, reason: '' }),
      metricsText: async () => success(await registry.metrics()),
    },
    bridge: operator,
    ledger,
    tokens: admin.tokens,
    ...(admin.metricsToken !== undefined && { metricsToken: admin.metricsToken }),
    ...(tls !== undefined && { tls }),
    bodyLimit: limits.adminBodyBytes,
    log,
  });
  try {
    const { url } = await server.listen(section.admin);
    return { server, ledger, url };
  } catch (error) {
    await ledger.close();
    await bridge.stop();
    throw error;
  }
}

interface Reloaded {
  readonly dialer: ReloadableDialer;
  readonly door: Door | undefined;
  readonly log: Logger;
}

function reload(configuration: Configuration, { dialer, door, log }: Reloaded): void {
  try {
    const materials = readMaterials(configuration);
    dialer.reload(materials);
    if (materials.admin !== undefined) door?.server.reloadTls(materials.admin);
    door?.ledger.reload(materials);
    log.info({}, 'Certificates were read again');
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'A reload failed; what was in force stays in force');
  }
}

function readMaterials(configuration: Configuration): TlsMaterial {
  const materials = readTlsMaterial(configuration, createSystemSource());
  if (!materials.ok) throw new CrossfadeError('files', materials.error.join('\n'));
  return materials.value;
}
