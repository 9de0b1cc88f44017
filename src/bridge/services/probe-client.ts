import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import { encodeSubscribe } from '../../mqtt/subscribe-packet.ts';
import type { PublishHead } from '../../mqtt/publish-head.ts';
import { type BridgedMessage, messageOf } from '../link/bridged-message.ts';
import { BrokerClient, type ClientHandler, type ClientPort, type ClientTerms } from '../link/broker-client.ts';
import { PublishEncoder } from '../link/publish-encoder.ts';

/** What a probe's connection tells whoever opened it. */
export interface ProbeClientPort {
  handleOpened(): void;
  /** The broker's answer to the SUBSCRIBE; 0x80 and above is a refusal. */
  handleSubscribed(code: number): void;
  /** `isWhole` false: the end of the payload is missing. */
  handleMessage(message: BridgedMessage, isWhole: boolean, nowMs: number): void;
  wallMs(): number;
}

const noBytes = Buffer.alloc(0);

/**
 * A connection that listens and publishes beside the bridge: it acknowledges at once, keeps nothing, and is not made
 * again when it is lost, so that who counts knows that the count has a hole.
 */
export class ProbeClient implements ClientHandler {
  readonly #protocol: ProtocolVersion;
  readonly #port: ProbeClientPort;
  readonly #encoder: PublishEncoder;
  readonly #client: BrokerClient;
  #packetId = 0;
  #unacknowledged = 0;

  /** Sends CONNECT. */
  constructor(
    terms: ClientTerms,
    port: ProbeClientPort,
    connection: { readonly port: ClientPort; readonly nowMs: number },
  ) {
    this.#protocol = terms.protocol;
    this.#port = port;
    this.#encoder = new PublishEncoder(terms.protocol, noBytes);
    this.#client = new BrokerClient(terms, this, connection);
  }

  get client(): BrokerClient {
    return this.#client;
  }

  /** PUBLISH packets that the broker has not acknowledged. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  /** A plain subscription: the bridge's and the service's share of the messages stay as they are. */
  subscribe(filter: string, nowMs: number): void {
    const request = { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const;
    const packet = { packetId: this.#nextId(), requests: [request], userProperties: [] };
    this.#client.send(encodeSubscribe(this.#protocol, packet), nowMs);
  }

  /** With QoS 1. */
  publish(topic: string, payload: Buffer, nowMs: number): void {
    const message: BridgedMessage = {
      ...{ topic, payload, qos: 1, retain: false, properties: noBytes, isMarked: false },
      expiresAtMs: Number.POSITIVE_INFINITY,
    };
    const packetBytes = this.#encoder.sizeOf(message);
    const form = { packetBytes, packetId: this.#nextId(), retain: false, wallMs: this.#port.wallMs() };
    this.#unacknowledged += 1;
    this.#client.send(this.#encoder.encode(message, form), nowMs, packetBytes);
  }

  handleOpen(): void {
    this.#port.handleOpened();
  }

  handlePublish(head: PublishHead, isWhole: boolean, nowMs: number): void {
    const { qos, packetId } = head;
    const message = messageOf(head, () => this.#port.wallMs());
    // It asks for QoS 1 and is told nothing above it.
    if (qos > 0) this.#client.acknowledge(4, packetId, nowMs);
    this.#port.handleMessage(message, isWhole, nowMs);
  }

  handleAcknowledgement(type: 4 | 5 | 6 | 7): void {
    if (type === 4) this.#unacknowledged = Math.max(0, this.#unacknowledged - 1);
  }

  handleSuback(_packetId: number, codes: readonly number[]): void {
    this.#port.handleSubscribed(codes[0] ?? 0x80);
  }

  handleUnsuback(): void {}

  handlePingresp(): void {}

  #nextId(): number {
    this.#packetId = (this.#packetId % 0xffff) + 1;
    return this.#packetId;
  }
}
