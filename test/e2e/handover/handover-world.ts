import { mkdir } from 'node:fs/promises';
import { processTree } from '../../../bench/relay/process-usage.ts';
import type { AdminClient } from '../../../src/admin/admin-client.ts';
import { type MosquittoBroker, type MosquittoOptions, startMosquitto } from '../../integration/mosquitto-broker.ts';
import { likelyFreePort, temporaryDirectory } from '../../integration/spawned-process.ts';
import { fleetDomain, pkiText, writePki } from '../../integration/test-pki.ts';
import { eventually } from '../eventually.ts';
import { GatewayProcess, writeConfiguration } from '../gateway-process.ts';
import type { BackendApi } from './backend-process.ts';
import { ChildProgram } from './child-program.ts';
import { machineMs } from './delay-histogram.ts';
import { type Side, sides } from './fleet-plan.ts';
import type { FleetApi } from './fleet-process.ts';
import type { MirrorApi } from './mirror-process.ts';

export interface HandoverWorldOptions {
  readonly devices: number;
  /** The configuration's section. */
  readonly handover?: Readonly<Record<string, number>>;
  /** Brokers save their sessions every two seconds, so that they know most of them after a kill. */
  readonly brokersRemember?: boolean;
  /** What the mirror takes longer than it must; a message of one broker's side comes so much later by the other. */
  readonly mirrorLagMs?: number;
  /** Other sections of the configuration. */
  readonly sections?: Readonly<Record<string, unknown>>;
}

export interface ConnectOptions {
  /** The fleet pings once its traffic has begun; 0 for a fleet without traffic. Default 10. */
  readonly keepAliveSeconds?: number;
  readonly queued?: boolean;
}

/** From the loss of a broker until everybody had one again, machine milliseconds. */
export interface Outage {
  readonly side: Side;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Two Mosquittos with a mirror between them, backends on either, the gateway with two workers, and a fleet on TLS. */
export class HandoverWorld implements AsyncDisposable {
  readonly devices: number;
  readonly brokers: Record<Side, MosquittoBroker>;
  readonly fleet: ChildProgram<FleetApi>;
  readonly backend: ChildProgram<BackendApi>;
  readonly mirror: ChildProgram<MirrorApi>;
  readonly directory: string;
  readonly listenerPort: number;
  gateway: GatewayProcess;
  /** When it was killed: machine milliseconds. */
  readonly gatewayKillsMs: number[] = [];
  readonly #held: AsyncDisposableStack;

  private constructor(parts: WorldParts, held: AsyncDisposableStack) {
    this.devices = parts.devices;
    this.brokers = parts.brokers;
    this.fleet = parts.fleet;
    this.backend = parts.backend;
    this.mirror = parts.mirror;
    this.directory = parts.directory;
    this.listenerPort = parts.listenerPort;
    this.gateway = parts.gateway;
    this.#held = held;
  }

  /** Nobody is connected yet but backends and mirror; `connectFleet` comes next. */
  static async start(options: HandoverWorldOptions): Promise<HandoverWorld> {
    await using held = new AsyncDisposableStack();
    const { path: directory } = held.use(await temporaryDirectory());
    const mosquitto = (side: Side) =>
      mosquittoOptions(options.brokersRemember === true ? `${directory}/${side}` : undefined);
    const brokers = {
      legacy: await startMosquitto(await mosquitto('legacy')),
      target: await startMosquitto(await mosquitto('target')),
    };
    for (const side of sides) held.defer(() => brokers[side].stop());
    await writePki(directory);
    const ports = { legacy: brokers.legacy.port, target: brokers.target.port };
    const mirror = held.use(new ChildProgram<MirrorApi>('mirror-process.ts'));
    const backend = held.use(new ChildProgram<BackendApi>('backend-process.ts'));
    const fleet = held.use(new ChildProgram<FleetApi>('fleet-process.ts'));
    await mirror.ask('start', { ports, lagMs: options.mirrorLagMs ?? 0 });
    await backend.ask('start', { devices: options.devices, ports });
    await backend.ask('retain', null);
    const { gateway, listenerPort } = await startOnFreePort(directory, options, brokers);
    const parts = { devices: options.devices, brokers, fleet, backend, mirror, directory, listenerPort, gateway };
    return new HandoverWorld(parts, held.move());
  }

  get admin(): AdminClient {
    return this.gateway.admin;
  }

  /** Connects all devices, sends off those that start offline, and lets messages queue for them unless told not to. */
  async connectFleet({ keepAliveSeconds = 10, queued = true }: ConnectOptions = {}): Promise<void> {
    await this.fleet.ask('start', {
      devices: this.devices,
      keepAliveSeconds,
      port: this.listenerPort,
      servername: fleetDomain,
      ca: pkiText('server-ca.pem'),
      certificate: pkiText('device-000001.pem'),
      key: pkiText('device-000001.key'),
    });
    if (queued) await this.backend.ask('queue', null);
  }

  async startTraffic(): Promise<void> {
    await this.fleet.ask('startPublishing', null);
    await this.backend.ask('startCommands', null);
  }

  /** Ends the traffic and waits until everything has arrived, or nothing further has for a while. */
  async endTraffic(): Promise<void> {
    await this.fleet.ask('stopPublishing', null);
    await this.backend.ask('stopCommands', null);
    let lastChangeMs = machineMs();
    let last = '';
    await eventually(
      'the end of the traffic',
      async () => {
        const figures = [
          await this.fleet.ask('received', null),
          await this.fleet.ask('unacknowledged', null),
          await this.backend.ask('received', null),
          await this.backend.ask('unacknowledged', null),
        ];
        if (JSON.stringify(figures) !== last) lastChangeMs = machineMs();
        last = JSON.stringify(figures);
        return machineMs() - lastChangeMs > quietMs;
      },
      endDeadlineMs,
    );
  }

  /** What is measured from now on belongs to this phase. */
  async phase(name: string): Promise<void> {
    await Promise.all([this.fleet.ask('phase', name), this.mirror.ask('phase', name)]);
  }

  /** Every process of the gateway at once, by SIGKILL, and a new one on the same files and port. */
  async killGateway(): Promise<void> {
    this.gatewayKillsMs.push(machineMs());
    for (const pid of processTree(this.gateway.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    }
    await this.gateway.process.exited;
    this.gateway.admin.close();
    this.gateway = await GatewayProcess.start(this.directory);
    await this.gateway.wholeStatus();
  }

  /** Starts a broker that was killed, on its ports and with what it had saved. */
  async reviveBroker(side: Side): Promise<void> {
    const { port, tlsPort } = this.brokers[side];
    const options = await mosquittoOptions(`${this.directory}/${side}`);
    this.brokers[side] = await startMosquitto({ ...options, ports: { port, tlsPort } });
  }

  /** Waits until every device that wants a connection has one. */
  everybodyReady(deadlineMs = 60_000): Promise<true> {
    return eventually(
      'every device ready',
      async () => {
        const { wanted, ready } = await this.fleet.ask('readiness', null);
        return wanted === ready;
      },
      deadlineMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
    await this.gateway.stop();
    await this.#held.disposeAsync();
  }
}

interface WorldParts {
  readonly devices: number;
  readonly brokers: Record<Side, MosquittoBroker>;
  readonly fleet: ChildProgram<FleetApi>;
  readonly backend: ChildProgram<BackendApi>;
  readonly mirror: ChildProgram<MirrorApi>;
  readonly directory: string;
  readonly listenerPort: number;
  readonly gateway: GatewayProcess;
}

const quietMs = 2_000;
const endDeadlineMs = 60_000;
const startAttempts = 5;

/** `memory`: the directory that sessions are saved in. */
async function mosquittoOptions(memory: string | undefined): Promise<MosquittoOptions> {
  if (memory !== undefined) await mkdir(memory, { recursive: true });
  const saving = ['persistence true', `persistence_location ${memory}/`, 'autosave_interval 1'];
  return {
    quiet: true,
    configuration: ['max_inflight_messages 0', 'set_tcp_nodelay true', ...(memory === undefined ? [] : saving)],
  };
}

/** Devices come back to the port they know, so it is a fixed one. */
async function startOnFreePort(
  directory: string,
  { handover, sections }: HandoverWorldOptions,
  brokers: Readonly<Record<Side, MosquittoBroker>>,
): Promise<{ readonly gateway: GatewayProcess; readonly listenerPort: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const listenerPort = likelyFreePort();
    await writeConfiguration(directory, {
      fleet: { domain: fleetDomain, identity: ['mqtt.clientId'], salt: 'handover' },
      listeners: [
        {
          name: 'devices',
          bind: `127.0.0.1:${listenerPort}`,
          tls: {
            certificates: [{ cert: 'pki/server.pem', key: 'pki/server.key' }],
            trustedCas: ['pki/device-ca.pem'],
          },
        },
      ],
      brokers: { legacy: { url: brokers.legacy.url }, target: { url: brokers.target.url } },
      ...(handover === undefined ? {} : { handover }),
      log: { level: 'warn' },
      ...sections,
    });
    try {
      return { gateway: await GatewayProcess.start(directory), listenerPort };
    } catch (error) {
      if (attempt === startAttempts || !String(error).includes('EADDRINUSE')) throw error;
    }
  }
}
