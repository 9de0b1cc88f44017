import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdminClient, createAdminClient } from '../admin/admin-client.ts';
import { type RunningGateway, startGateway } from '../app/run-gateway.ts';
import { parseHostPort } from '../base/addresses.ts';
import { CrossfadeError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { renderMistakes } from '../config/configuration-mistake.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import { CommandReceipts } from './command-receipts.ts';
import { ConditionWatch } from './condition-watch.ts';
import { DeliveryLedger } from './delivery-ledger.ts';
import type { Arrival, DemoBroker } from './demo-broker.ts';
import {
  type DemoPki,
  deviceDomain,
  mintDemoPki,
  type sourceBroker,
  type targetBroker,
  writeDemoFiles,
} from './demo-files.ts';
import { LegacyBroker } from './legacy-broker.ts';
import { PlacementWatch } from './placement-watch.ts';
import { SimulatedFleet } from './simulated-fleet.ts';
import { setUpTargetAccount } from './target-account.ts';
import { TargetBroker } from './target-broker.ts';

export interface DemoWorldOptions {
  readonly devices: number;
  readonly signal: AbortSignal;
  /** A fault to test with: what both brokers acknowledge and nobody sees. */
  readonly loses?: ((arrival: Arrival) => boolean) | undefined;
}

/** Everything that the demo runs, on free ports of 127.0.0.1, its files in one temporary directory. */
export interface DemoWorld extends AsyncDisposable {
  readonly admin: AdminClient;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly fleet: SimulatedFleet;
  readonly brokers: Readonly<Record<typeof sourceBroker | typeof targetBroker, DemoBroker>>;
  readonly placement: PlacementWatch;
  readonly ledger: DeliveryLedger;
  /** Notified at every arrival and acknowledgement that the ledger learns of. */
  readonly deliveries: ConditionWatch;
  readonly commands: CommandReceipts;
  /** The brokers that serve it. */
  holders(device: string): readonly string[];
}

/** Starts brokers and gateway; the fleet is made, not connected. Nothing stays behind when it rejects. */
export async function openDemoWorld({ devices, signal, loses }: DemoWorldOptions): Promise<DemoWorld> {
  await using opening = new AsyncDisposableStack();
  const directory = opening.adopt(mkdtempSync(join(tmpdir(), 'crossfade-demo-')), removeDirectory);
  // A process that ends without coming by here still leaves nothing behind.
  const handleExit = () => removeDirectory(directory);
  process.once('exit', handleExit);
  opening.defer(() => void process.off('exit', handleExit));

  const pki = mintDemoPki();
  const records = createRecords();
  const brokers = await startBrokers(opening, pki, { records, loses });
  signal.throwIfAborted();
  const { port: aws, serverName: awsName, control, caPem: awsCa } = brokers.aws;
  const files = writeDemoFiles(directory, pki, { legacy: brokers.legacy.port, aws, awsName, control, awsCa });
  const configuration = loadDemoConfiguration(files.configuration);
  await setUpTargetAccount(configuration);
  const gateway = opening.adopt(await startGateway({ configuration }), (running) => running.stop());
  signal.throwIfAborted();
  const adminUrl = gateway.ready.admin;
  const admin = opening.adopt(createAdminClient({ url: adminUrl, token: files.token }), (client) => client.close());
  const fleet = opening.adopt(createFleet(devices, { pki, gateway, records }), (created) => created.stop());
  const holders = (device: string) =>
    Object.entries(brokers).flatMap(([name, broker]) => (broker.serves(device) ? [name] : []));
  const isReady = (device: string) => fleet.device(device)?.isReady === true;
  const lastError = (device: string) => fleet.device(device)?.lastError ?? null;
  const placement = new PlacementWatch({ isReady, holders, lastError });
  records.onChange = (device) => placement.handleChange(device);
  const { ledger, deliveries, commands } = records;
  const parts = { admin, adminUrl, adminToken: files.token, fleet, brokers, placement, ledger, deliveries, commands };
  const opened = opening.move();
  return { ...parts, holders, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What the brokers and the devices report to. */
interface Records {
  readonly ledger: DeliveryLedger;
  readonly deliveries: ConditionWatch;
  readonly commands: CommandReceipts;
  onChange: (device: string) => void;
}

function createRecords(): Records {
  const deliveries = new ConditionWatch();
  const ledger = new DeliveryLedger(() => deliveries.notify());
  return { ledger, deliveries, commands: new CommandReceipts(), onChange: () => {} };
}

async function startBrokers(
  opening: AsyncDisposableStack,
  { legacyServer }: DemoPki,
  { records, loses }: { readonly records: Records; readonly loses: DemoWorldOptions['loses'] },
): Promise<{ readonly legacy: LegacyBroker; readonly aws: TargetBroker }> {
  const events = {
    onClients: (clientId: string) => records.onChange(clientId),
    onArrival: (arrival: Arrival) => {
      if (loses?.(arrival) !== true) recordArrival(arrival, records.ledger);
    },
  };
  const legacy = opening.adopt(await LegacyBroker.start({ server: legacyServer, ...events }), (broker) =>
    broker.stop(),
  );
  return { legacy, aws: opening.adopt(await TargetBroker.start(events), (broker) => broker.stop()) };
}

function recordArrival({ clientId, topic, payload, qos }: Arrival, ledger: DeliveryLedger): void {
  const [root, device, kind] = topic.split('/');
  if (root !== 'fleet' || kind !== 'telemetry' || device === undefined) return;
  const sequence = readSequence(payload);
  if (sequence === undefined || device !== clientId) ledger.recordStranger();
  else ledger.recordArrived({ device, sequence, qos });
}

function readSequence(payload: Buffer): number | undefined {
  const [, digits] = /^\{"sequence":(\d{1,9})\}$/.exec(payload.toString('latin1')) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Through the file, as `crossfade run` does it. */
function loadDemoConfiguration(path: string): Configuration {
  const loaded = loadConfiguration(path, createSystemSource());
  if (loaded.ok) return loaded.value.configuration;
  throw new CrossfadeError('demo', `the demo's configuration is not right\n${renderMistakes(loaded.error)}`);
}

function createFleet(
  devices: number,
  { pki, gateway, records }: { readonly pki: DemoPki; readonly gateway: RunningGateway; readonly records: Records },
): SimulatedFleet {
  const address = parseHostPort(gateway.ready.listeners[0]?.address ?? '');
  if (!address.ok) throw new CrossfadeError('demo', `the gateway's listener: ${address.error}`);
  return new SimulatedFleet({
    devices,
    port: address.value.port,
    domain: deviceDomain,
    serverCa: pki.serverCa.certificate,
    deviceCa: pki.deviceCa,
    ledger: records.ledger,
    onChange: (device) => records.onChange(device),
    onCommand: (device, text) => records.commands.handleCommand(device, text),
  });
}

function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
