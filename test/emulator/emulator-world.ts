import assert from 'node:assert/strict';
import type { ConnectionOptions } from 'node:tls';
import type { IConnectPacket } from 'mqtt-packet';
import type { AcceptedMessage } from '../../src/emulator/account-gate.ts';
import {
  type AwsIotEmulator,
  type AwsIotEmulatorOptions,
  startAwsIotEmulator,
} from '../../src/emulator/aws-iot-emulator.ts';
import type { DisconnectReason } from '../../src/emulator/data/disconnect-reason.ts';
import type { RefusalReason } from '../../src/emulator/data/refusal.ts';
import { Changes } from '../e2e/eventually.ts';
import { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { ScriptedGate } from './scripted-gate.ts';

export interface LifecycleDocument {
  readonly clientId: string;
  readonly eventType: string;
  readonly disconnectReason?: string;
  readonly [key: string]: unknown;
}

/** An emulator with a scripted account, its lifecycle events, and devices that speak to it over TLS. */
export class EmulatorWorld implements AsyncDisposable {
  readonly emulator: AwsIotEmulator;
  readonly gate: ScriptedGate;
  /** Everything that the broker accepted, in order. */
  readonly accepted: AcceptedMessage[] = [];
  readonly #changes = new Changes();
  readonly #devices: WireDevice[] = [];
  readonly #clock: { offsetMs: number };
  #lastClient = 0;

  private constructor(emulator: AwsIotEmulator, gate: ScriptedGate, clock: { offsetMs: number }) {
    this.emulator = emulator;
    this.gate = gate;
    this.#clock = clock;
    emulator.dataPlane.onAccepted((message) => {
      this.accepted.push(message);
      this.#changes.announce();
    });
    gate.handleQuestion = () => this.#changes.announce();
    emulator.broker.refusals.onRefusal(() => this.#changes.announce());
  }

  /** Client IDs may connect as often as they like, unless the options say otherwise. */
  static async start(options: AwsIotEmulatorOptions = {}): Promise<EmulatorWorld> {
    const gate = new ScriptedGate();
    const clock = { offsetMs: 0 };
    const emulator = await startAwsIotEmulator({
      gate,
      connectsPerSecondPerClientId: Number.POSITIVE_INFINITY,
      handleFault: () => {},
      nowMs: () => performance.timeOrigin + performance.now() + clock.offsetMs,
      ...options,
    });
    return new EmulatorWorld(emulator, gate, clock);
  }

  /** Lets so much time pass at once, in steps that are short enough for every deadline to come in its turn. */
  advance(ms: number): void {
    const { agenda } = this.emulator.broker;
    const { nowMs } = this.emulator.dataPlane.desk;
    const endMs = nowMs() + ms;
    for (let next = agenda.nextAtMs; next !== undefined && next <= endMs; next = agenda.nextAtMs) {
      this.#clock.offsetMs += Math.max(0, next - nowMs());
      agenda.runDue(nowMs());
    }
    this.#clock.offsetMs += Math.max(0, endMs - nowMs());
  }

  newClientId(prefix = 'device'): string {
    this.#lastClient += 1;
    return `${prefix}-${this.#lastClient}`;
  }

  /** A device behind its TLS handshake. */
  async dial(
    version: WireVersion,
    tls: Omit<ConnectionOptions, 'port'> & { readonly port?: 'mqtts' | 'alpn' } = {},
  ): Promise<WireDevice> {
    const { port = 'mqtts', ...options } = tls;
    const trust = { ca: this.emulator.caPem, servername: 'localhost', ...options };
    const device = await WireDevice.dial({ port: this.emulator[port], tls: trust }, version);
    this.#devices.push(device);
    return device;
  }

  /** A device with its CONNACK. */
  async connected(version: WireVersion, clientId = this.newClientId(), fields: Partial<IConnectPacket> = {}) {
    const device = await this.dial(version);
    const connack = await device.connect(clientId, fields);
    assert.equal(connack.returnCode ?? connack.reasonCode ?? 0, 0);
    return Object.assign(device, { clientId, connack });
  }

  /** The lifecycle events of a client, in order. */
  lifecycle(clientId: string): LifecycleDocument[] {
    return this.accepted
      .filter(({ topic }) => topic.startsWith('$aws/events/') && topic.endsWith(`/${clientId}`))
      .map(({ payload }) => JSON.parse(payload.toString()) as LifecycleDocument);
  }

  async event(clientId: string, eventType: string, count = 1): Promise<LifecycleDocument> {
    const found = () => this.lifecycle(clientId).filter((document) => document.eventType === eventType);
    await this.until(`${eventType} of ${clientId}`, () => found().length >= count);
    return found()[count - 1] as LifecycleDocument;
  }

  /** Application messages, the service's own left out. */
  messages(): AcceptedMessage[] {
    return this.accepted.filter(({ topic }) => !topic.startsWith('$aws/events/'));
  }

  refusals(clientId: string): RefusalReason[] {
    const { refusals } = this.emulator.broker;
    return refusals.list().flatMap((refusal) => (refusal.clientId === clientId ? [refusal.reason] : []));
  }

  /**
   * Whatever becomes of a connection that is refused: its end on the wire, the record, and the lifecycle event. `code` is
   * that of the DISCONNECT in MQTT 5; before it nothing comes behind what had come.
   */
  async ended(
    device: WireDevice & { readonly clientId: string },
    expected: { readonly refusal?: RefusalReason; readonly disconnectReason: DisconnectReason; readonly code?: number },
  ): Promise<void> {
    const { clientId, version } = device;
    await device.closed();
    const last = device.packets.at(-1);
    if (version === 5 && expected.code !== undefined) {
      assert.equal(last?.bytes.toString('hex'), `e001${expected.code.toString(16)}`);
    } else {
      assert.notEqual(last?.packet.cmd, 'disconnect');
    }
    assert.ok(device.sawEnd, 'closed with FIN, not cut');
    const event = await this.event(clientId, 'disconnected');
    assert.equal(event.disconnectReason, expected.disconnectReason);
    assert.equal(event['clientInitiatedDisconnect'], expected.disconnectReason === 'CLIENT_INITIATED_DISCONNECT');
    assert.equal(
      event['versionNumber'],
      this.lifecycle(clientId).find((one) => one.eventType === 'connected')?.['versionNumber'],
    );
    if (expected.refusal !== undefined) assert.ok(this.refusals(clientId).includes(expected.refusal));
  }

  until(what: string, isSo: () => boolean): Promise<void> {
    return this.#changes.until(() => `${what} did not come`, isSo, 8_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#devices) socket.destroy();
    await this.emulator.stop();
  }
}
