import { renderHostPort } from '../base/addresses.ts';
import { CrossfadeError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { watchedFiles, watchFiles } from '../config/watched-files.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { gatewayCarries } from './bridge-work.ts';
import type { BoundPorts } from './child-process.ts';
import { readAgain, readMaterials, refreshTls } from './gateway-materials.ts';
import { adminPortName, nameserverPortName } from './process-messages.ts';
import { Supervisor } from './supervisor.ts';
import { runBetweenTurns } from './turn-taking.ts';

/** The line that `crossfade run` prints once every port of every worker is bound (contract section 3). */
export interface ReadyEvent {
  readonly event: 'ready';
  readonly listeners: readonly { readonly name: string; readonly address: string }[];
  readonly nameserver: readonly string[];
  readonly admin: string;
  /** Rules that its process of the bridge carries; absent without one. */
  readonly bridge?: readonly string[];
}

export interface RunningGateway {
  readonly ready: ReadyEvent;
  /** Drains within `limits.drainMs`, then stops. */
  drain(): Promise<void>;
  /** Ends every process now. */
  stop(): Promise<void>;
  /** Certificates, CRLs, zones and files that the plan names are read again; what is wrong is logged and the old stays. */
  reload(): void;
  /** The processes' IDs, the supervisor's own not included. */
  readonly pids: readonly number[];
  /** Settles when the gateway has ended, with its exit code. */
  readonly exited: Promise<number>;
}

export interface StartOptions {
  readonly configuration: Configuration;
  /** SIGTERM and SIGINT drain, a second one stops; SIGHUP reloads. */
  readonly handleSignals?: boolean;
}

/** Starts the whole gateway as child processes of this one. Rejects with CrossfadeError when it cannot start. */
export async function startGateway({ configuration, handleSignals = false }: StartOptions): Promise<RunningGateway> {
  const log = createLogger({ level: configuration.log.level, component: 'supervisor' });
  const materials = readMaterials(configuration);
  if (!materials.ok) throw new CrossfadeError('files', materials.error.join('\n'));
  const supervisor = new Supervisor({
    configuration,
    materials: materials.value,
    log,
    readAgain: (current) => runBetweenTurns(readAgain(configuration, current, log)),
    refreshTls: (current) => refreshTls(configuration, current, log),
  });
  const bound = await supervisor.start();
  const { promise: exited, resolve: exit } = Promise.withResolvers<number>();
  // What goes wrong is logged there.
  const reload = () => void supervisor.reload().catch(() => {});
  const unwatch = watchFiles(watchedFiles(configuration), reload);
  const end = async (ending: Promise<void>) => {
    unwatch();
    removeSignals();
    await ending;
    exit(0);
  };
  const gateway: RunningGateway = {
    ready: renderReady(configuration, bound),
    drain: () => end(supervisor.drain(configuration.limits.drainMs)),
    stop: () => end(supervisor.stop()),
    reload,
    get pids() {
      return supervisor.pids;
    },
    exited,
  };
  const removeSignals = handleSignals ? installSignals(gateway, log) : () => {};
  return gateway;
}

function installSignals(gateway: RunningGateway, log: Logger): () => void {
  let isDraining = false;
  const terminate = (signal: NodeJS.Signals) => {
    log.info({ signal }, isDraining ? 'Stopping now' : 'Draining; a second signal stops at once');
    const isSecond = isDraining;
    isDraining = true;
    void (isSecond ? gateway.stop() : gateway.drain());
  };
  const hangUp = () => gateway.reload();
  process.on('SIGTERM', terminate).on('SIGINT', terminate).on('SIGHUP', hangUp);
  return () => {
    process.off('SIGHUP', hangUp);
    // A late second SIGTERM must not kill what is still being stopped.
    if (!isDraining) process.off('SIGTERM', terminate).off('SIGINT', terminate);
  };
}

function renderReady(configuration: Configuration, bound: BoundPorts): ReadyEvent {
  const scheme = configuration.admin.tls === undefined ? 'http' : 'https';
  const address = (name: string) => {
    const found = bound[name];
    return found === undefined ? '' : renderHostPort(found);
  };
  return {
    event: 'ready',
    listeners: configuration.listeners.map(({ name }) => ({ name, address: address(name) })),
    nameserver: (configuration.nameserver?.bind ?? []).map((_, index) => address(nameserverPortName(index))),
    admin: `${scheme}://${address(adminPortName)}`,
    ...(gatewayCarries(configuration.bridge) && { bridge: configuration.bridge.rules.map(({ name }) => name) }),
  };
}
