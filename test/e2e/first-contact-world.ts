import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IoT } from '@aws-sdk/client-iot';
import { type AwsIotEmulator, startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';
import { loadCertificateIssuer, mintCertificate } from '../../src/tls/certificate-minting.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from '../integration/gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from '../integration/mosquitto-broker.ts';
import { temporaryDirectory } from '../integration/spawned-process.ts';
import { pkiText } from '../integration/test-pki.ts';
import { Device } from './device.ts';
import { eventually } from './eventually.ts';
import { answerOf } from './gateway-process.ts';

/** Activated, and given no policy: its CONNECT is closed for ever. */
export const forbidden = 'forbidden';

/** Milliseconds from the event of a registration to an active certificate with its policy, as a Lambda function takes. */
const activationMs = 400;
const atOnce = 40;
const events = '$aws/events/certificates/registered/';

/** A legacy broker, an AWS account that registers just in time and knows nobody, and a fleet with certificates of its own. */
export class FirstContactWorld implements AsyncDisposable {
  readonly source: MosquittoBroker;
  readonly target: AwsIotEmulator;
  readonly devices: Device[] = [];
  gateway!: GatewayUnderTest;
  readonly #opened: AsyncDisposableStack;
  readonly #register: 'jitr' | 'on-sight';
  readonly #iot: IoT;
  readonly #issuer = loadCertificateIssuer(pkiText('device-ca.pem'), createPrivateKey(pkiText('device-ca.key')));
  readonly #activating = new Set<Promise<void>>();
  #trust = '';

  private constructor({
    source,
    target,
    opened,
    register,
  }: Pick<FirstContactWorld, 'source' | 'target'> & {
    readonly opened: AsyncDisposableStack;
    readonly register: 'jitr' | 'on-sight';
  }) {
    this.#register = register;
    this.source = source;
    this.target = target;
    this.#opened = opened;
    this.#iot = new IoT({
      endpoint: target.control,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'emulated', secretAccessKey: 'emulated' },
    });
    target.dataPlane.onAccepted(({ topic, payload }) => {
      if (!topic.startsWith(events)) return;
      const activating = this.#activate(JSON.parse(payload.toString()));
      this.#activating.add(activating);
      void activating.finally(() => this.#activating.delete(activating));
    });
  }

  /** `on-sight`: the account registers nobody by itself. */
  static async start(
    register: 'jitr' | 'on-sight' = 'jitr',
    limits: Readonly<Record<string, number>> = {},
  ): Promise<FirstContactWorld> {
    const opened = new AsyncDisposableStack();
    const source = opened.use(await startMosquitto({ quiet: true }));
    const target = await startAwsIotEmulator();
    opened.defer(() => target.stop());
    const directory = opened.use(await temporaryDirectory());
    const world = new FirstContactWorld({ source, target, opened, register });
    world.#trust = join(directory.path, 'amazon-root.pem');
    await writeFile(world.#trust, target.caPem);
    await world.#prepareAccount();
    await world.startGateway({}, limits);
    return world;
  }

  /** With the CA and the secret of any before it, and an empty memory. */
  async startGateway(
    firstContact: Readonly<Record<string, number>> = {},
    limits: Readonly<Record<string, number>> = {},
  ): Promise<void> {
    const identity = {
      mode: 'device-certificate',
      ca: { cert: 'pki/gateway-ca.pem', key: 'pki/gateway-ca.key' },
      vouchUnverified: true,
      firstContact,
      register: this.#register,
    };
    this.gateway = await startGatewayUnderTest({
      identity: ['certificate.commonName', 'mqtt.clientId'],
      workers: 2,
      limits,
      aws: { region: 'eu-west-1', endpoint: this.target.control },
      brokers: {
        legacy: { url: this.source.url },
        aws: {
          url: `mqtts://127.0.0.1:${this.target.mqtts}`,
          profile: 'aws-iot-core',
          tls: { ca: this.#trust, servername: 'localhost' },
          identity,
        },
      },
      plan: {
        default: 'legacy',
        cohorts: [{ name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 10_000 }],
      },
    });
  }

  /** So many come, a few at once; each is in, or this rejects. */
  async connect(names: readonly string[]): Promise<void> {
    const waiting = [...names];
    const connectSome = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await this.#connectOne(name);
    };
    await Promise.all(Array.from({ length: atOnce }, connectSome));
  }

  /** One device more, with a common name of its own. */
  async join(clientId: string, commonName: string): Promise<Device> {
    await this.#connectOne(clientId, commonName);
    return this.devices.at(-1) ?? assert.fail('no device');
  }

  /** Every certificate that the account has is not to be trusted any more. */
  async revokeAll(): Promise<void> {
    const { certificates = [] } = await this.#iot.listCertificates({ pageSize: 250 });
    for (const { certificateId } of certificates) {
      await this.#iot.updateCertificate({ certificateId, newStatus: 'REVOKED' });
    }
  }

  /** Every device says something, and a broker has it. */
  async publish(): Promise<void> {
    await Promise.all(
      this.devices.map(({ client, clientId }) => client.publishAsync(`dt/${clientId}`, 'x', { qos: 1 })),
    );
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.devices.splice(0).map((device) => device[Symbol.asyncDispose]()));
  }

  /** Live sessions by broker. */
  async sessions(): Promise<{ readonly source: number; readonly target: number; readonly moving: number }> {
    const status = answerOf(await this.gateway.admin.status());
    return status.cohorts[0]?.sessions ?? assert.fail('no cohort');
  }

  async onTarget(count: number, deadlineMs: number): Promise<void> {
    await eventually(`${count} devices on the target`, async () => (await this.sessions()).target >= count, deadlineMs);
  }

  async reasonOf(clientId: string): Promise<string | null | undefined> {
    return answerOf(await this.gateway.admin.sessions({ clientId, pending: true }))[0]?.reason;
  }

  /** A counter of the gateway, summed over what is not named. */
  async count(metric: string, labels: readonly string[] = []): Promise<number> {
    const text = await (await fetch(new URL('/metrics', this.gateway.adminUrl))).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(metric) && labels.every((label) => line.includes(label)))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
    await this.gateway.stop();
    await Promise.all(this.#activating);
    this.#iot.destroy();
    await this.#opened.disposeAsync();
  }

  async #connectOne(clientId: string, commonName = clientId): Promise<void> {
    const { certificate: cert, key } = mintCertificate({
      subject: { commonName },
      extendedKeyUsage: ['clientAuth'],
      issuer: this.#issuer,
    });
    const to = `mqtts://127.0.0.1:${this.gateway.tlsPort}`;
    const device = await Device.connect({ clientId, to, cert, key, rejectUnauthorized: false, keepalive: 120 });
    this.devices.push(device);
    await device.client.publishAsync(`dt/${clientId}`, 'in', { qos: 1 });
  }

  async #prepareAccount(): Promise<void> {
    await this.#iot.registerCACertificate({
      caCertificate: pkiText('gateway-ca.pem'),
      certificateMode: 'SNI_ONLY',
      setAsActive: true,
      allowAutoRegistration: this.#register === 'jitr',
    });
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
    });
    await this.#iot.createPolicy({ policyName: 'crossfade-device', policyDocument });
  }

  /** What a function behind the event does; the event comes again with every CONNECT until then. */
  async #activate({
    certificateId,
    clientId,
  }: {
    readonly certificateId: string;
    readonly clientId: string;
  }): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, activationMs));
    const { certificateDescription } = await this.#iot.describeCertificate({ certificateId });
    if (clientId !== forbidden) {
      await this.#iot.attachPolicy({
        policyName: 'crossfade-device',
        target: certificateDescription?.certificateArn ?? '',
      });
    }
    await this.#iot.updateCertificate({ certificateId, newStatus: 'ACTIVE' });
  }
}

/** The whole of it: `fleet` devices that nobody knows, and a gateway that forgets them. */
export async function meetTarget(world: FirstContactWorld, fleet: number): Promise<string> {
  const names = Array.from({ length: fleet }, (_, index) => `meter-${index}`);
  const beganMs = performance.now();
  await world.connect(names);
  const connectedMs = performance.now() - beganMs;
  const { source } = await world.sessions();
  await world.publish();
  await world.onTarget(fleet, (fleet / 15) * 4_000 + 60_000);
  const movedMs = performance.now() - beganMs;
  await world.publish();
  for (const { clientId, connects, closes, refusals } of world.devices) {
    assert.deepEqual({ clientId, connects, closes, refusals }, { clientId, connects: 1, closes: 0, refusals: [] });
  }
  assert.ok(source > 0, 'somebody was on the source meanwhile');
  const closed = await world.count('crossfade_first_contacts_total', ['result="closed"']);
  const first = `${fleet} in after ${Math.round(connectedMs)} ms, ${source} of them on the source; all on the target after`;
  return `${first} ${Math.round(movedMs)} ms, with ${closed} contacts closed`;
}
