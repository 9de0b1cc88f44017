import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { MqttClient } from 'mqtt';
import { backoffDelayMs } from '../base/backoff.ts';
import { errorMessage } from '../base/errors.ts';
import type { MintedCertificate } from '../tls/certificate-minting.ts';
import type { Qos } from './delivery-ledger.ts';
import type { DeviceTraits } from './device-traits.ts';

export interface DeviceEnvironment {
  /** Where the gateway listens, on 127.0.0.1. */
  readonly port: number;
  /** The name in SNI, of those that send it. */
  readonly domain: string;
  /** PEM: what the gateway's certificate chains to. */
  readonly serverCa: string;
  /** It connected and subscribed, or lost its connection. */
  readonly onChange: (device: string) => void;
  readonly onCommand: (device: string, text: string) => void;
}

/**
 * When a device that lost its connection comes back, milliseconds: not all at the same moment, and ever later while it is
 * refused. Without that, a busy machine refuses a large fleet for ever.
 */
const reconnectLeastMs = 100;
const reconnectBackoff = { baseMs: 300, maxMs: 10_000 };
const connectTimeoutMs = 15_000;

/** One device of the fleet: MQTT.js on a TLS socket, with a certificate of its own. It reconnects by itself. */
export class SimulatedDevice {
  readonly traits: DeviceTraits;
  readonly #environment: DeviceEnvironment;
  readonly #secureContext: SecureContext;
  #tlsSession: Buffer | undefined;
  #client: MqttClient | undefined;
  #isReady = false;
  #reconnects = 0;
  #unacknowledged = 0;
  /** Connections lost or refused since it was last ready. */
  #failures = 0;
  #lastError: string | undefined;

  constructor(traits: DeviceTraits, certificate: MintedCertificate, environment: DeviceEnvironment) {
    this.traits = traits;
    this.#environment = environment;
    this.#secureContext = createSecureContext({
      cert: certificate.certificate,
      key: certificate.key,
      ca: environment.serverCa,
    });
  }

  /** Connected, and its subscription granted. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Connections that it lost after it was ready. */
  get reconnects(): number {
    return this.#reconnects;
  }

  /** QoS 1 and 2 messages on their way, those that wait for a connection included. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  /** What went wrong last, if anything did. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  start(): void {
    const { name, protocol, keepAliveSeconds, isPersistent } = this.traits;
    const client = new MqttClient(() => this.#dial(), {
      clientId: name,
      protocolId: protocol === '3.1' ? 'MQIsdp' : 'MQTT',
      protocolVersion: protocol === '3.1' ? 3 : 4,
      clean: !isPersistent,
      keepalive: keepAliveSeconds,
      reconnectPeriod: reconnectDelayMs(0),
      connectTimeout: connectTimeoutMs,
      queueQoSZero: false,
      resubscribe: false,
      // Otherwise MQTT.js gives up for good at the first CONNACK that refuses; devices in the field do not.
      reconnectOnConnackError: true,
    });
    this.#client = client;
    client.on('connect', () => this.#subscribe(client));
    client.on('close', () => {
      this.#failures += 1;
      if (this.#isReady && this.#client === client) this.#reconnects += 1;
      client.options.reconnectPeriod = reconnectDelayMs(this.#failures);
      this.#setReady(false);
    });
    client.on('message', (_topic, payload) => this.#environment.onCommand(name, payload.toString()));
    // Whatever went wrong, `close` follows and the device tries again.
    client.on('error', (error) => {
      this.#lastError = errorMessage(error);
    });
  }

  /** `onAcknowledged`: for QoS 1 and 2, when the exchange is complete. */
  publish(text: string, qos: Qos, onAcknowledged: () => void): void {
    if (qos > 0) this.#unacknowledged += 1;
    this.#client?.publish(`fleet/${this.traits.name}/telemetry`, text, { qos }, (error) => {
      if (qos === 0) return;
      this.#unacknowledged -= 1;
      if (error === undefined || error === null) onAcknowledged();
    });
  }

  stop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.end(true);
    client?.stream?.destroy();
  }

  #dial(): TLSSocket {
    const { alpn, resumesTls, sendsServerName } = this.traits;
    const { domain, port } = this.#environment;
    const socket = connect({
      host: '127.0.0.1',
      port,
      secureContext: this.#secureContext,
      ...(sendsServerName && { servername: domain }),
      ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
      ...(resumesTls && this.#tlsSession !== undefined && { session: this.#tlsSession }),
    });
    if (resumesTls) socket.on('session', (session: Buffer) => (this.#tlsSession = session));
    return socket;
  }

  #subscribe(client: MqttClient): void {
    client.subscribe(`fleet/${this.traits.name}/cmd`, { qos: this.traits.commandQos }, (error) => {
      if (error !== null || !client.connected) return;
      this.#failures = 0;
      client.options.reconnectPeriod = reconnectDelayMs(0);
      this.#setReady(true);
    });
  }

  #setReady(isReady: boolean): void {
    this.#isReady = isReady;
    this.#environment.onChange(this.traits.name);
  }
}

function reconnectDelayMs(failures: number): number {
  return reconnectLeastMs + backoffDelayMs(failures, Math.random(), reconnectBackoff);
}
