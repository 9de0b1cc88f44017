import { encodeConnack } from '../../mqtt/connack-packet.ts';
import { type ConnectPacket, decodeConnect } from '../../mqtt/connect-packet.ts';
import { packetType } from '../../mqtt/control-packet.ts';
import { encodePacket } from '../../mqtt/packet-bytes.ts';
import { PacketCollector } from '../../mqtt/packet-collector.ts';
import { type PacketReader, type PacketSpan, PacketStream, spanOfPacket } from '../../mqtt/packet-stream.ts';
import type { Admission, ArrivedConnection, ConnectQuestion } from '../account-gate.ts';
import type { Agenda, Cancel } from './agenda.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { connackCode, connectFault } from './connect-judgement.ts';
import type { ConnectedClient } from './connected-client.ts';
import type { RefusalReason } from './refusal.ts';

/** One network connection, as far as the message broker needs it. */
export interface ConnectionPort {
  send(bytes: Buffer): void;
  /** Ends it behind what was sent. */
  close(): void;
  /** Whether it is to be read. */
  setReading(isReading: boolean): void;
  /** Bytes that were sent and have not left. */
  readonly waitingBytes: number;
}

/** What a connection needs of the broker. */
export interface ConnectionHost {
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  /** Why no CONNECT of this client ID is taken now; else it counts. */
  throttle(clientId: string, nowMs: number): RefusalReason | undefined;
  /** Asks the account; the answer comes to `handleAdmission`. */
  ask(question: ConnectQuestion, connection: ClientConnection): void;
  /** The client that is admitted, with its CONNACK and all that follows sent; or why there is no room for it. */
  attach(
    connection: ClientConnection,
    connect: ConnectPacket,
    admission: Admitted,
    nowMs: number,
  ): ConnectedClient | RefusalReason;
  /** Tells of a CONNECT that no policy allows. */
  tellConnectFailed(
    connection: ClientConnection,
    clientId: string,
    principalId: string | undefined,
    nowMs: number,
  ): void;
  refuse(reason: RefusalReason, clientId: string, nowMs: number): void;
  forget(connection: ClientConnection): void;
}

type Admitted = Extract<Admission, { readonly admitted: true }>;
type Refused = Extract<Admission, { readonly admitted: false }>;

type Phase =
  /** From the handshake until a CONNECT is whole. */
  | { readonly name: 'opening'; readonly collector: PacketCollector }
  /** The account is asked; nothing may come meanwhile. */
  | { readonly name: 'asking'; readonly connect: ConnectPacket }
  /** From CONNACK on. */
  | { readonly name: 'connected'; readonly client: ConnectedClient; readonly stream: PacketStream }
  | { readonly name: 'closed' };

const reasonByAnswer: Readonly<Record<Refused['why'], RefusalReason>> = {
  'unknown-certificate': 'unknown-certificate',
  pending: 'pending-certificate',
  'not-active': 'inactive-certificate',
  'not-authorized': 'connect-denied',
  'bad-credentials': 'bad-credentials',
};

/** One network connection from its handshake to its end: bytes and the account's word in, bytes out. */
export class ClientConnection implements PacketReader {
  readonly arrived: ArrivedConnection;
  readonly port: ConnectionPort;
  readonly #host: ConnectionHost;
  readonly #cancelOpening: Cancel;
  #phase: Phase;
  #nowMs: number;

  constructor(host: ConnectionHost, arrived: ArrivedConnection, port: ConnectionPort, nowMs: number) {
    this.#host = host;
    this.arrived = arrived;
    this.port = port;
    this.#nowMs = nowMs;
    const maxPacketBytes = host.terms.profile.maxPacketBytes;
    this.#phase = { name: 'opening', collector: new PacketCollector({ maxPacketBytes, types: [packetType.connect] }) };
    this.#cancelOpening = host.agenda.at(nowMs + host.terms.firstPacketMs, (dueMs) => {
      this.#refuse('no-connect-in-time', '', dueMs);
    });
  }

  get client(): ConnectedClient | undefined {
    return this.#phase.name === 'connected' ? this.#phase.client : undefined;
  }

  handleBytes(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    switch (this.#phase.name) {
      case 'opening':
        return void this.#collect(this.#phase.collector, chunk, nowMs);
      case 'asking':
        return void this.#handlePipelined(this.#phase.connect, nowMs);
      case 'connected':
        return void this.#read(this.#phase.client, this.#phase.stream, chunk, nowMs);
      case 'closed':
    }
  }

  /** The network connection is gone. */
  handleClose(nowMs: number): void {
    const phase = this.#phase;
    this.#finish();
    if (phase.name === 'connected') {
      phase.client.end({ disconnectReason: 'CONNECTION_LOST', publishesWill: true }, nowMs);
    }
  }

  handleAdmission(admission: Admission | 'failed', nowMs: number): void {
    if (this.#phase.name !== 'asking') return;
    const { connect } = this.#phase;
    if (admission === 'failed') return void this.#refuseConnect('admission-failed', connect, nowMs);
    if (!admission.admitted) return void this.#handleRefusal(admission, connect, nowMs);
    const client = this.#host.attach(this, connect, admission, nowMs);
    if (typeof client === 'string') return void this.#refuseConnect(client, connect, nowMs);
    if (client.isEnded) return void this.#finish();
    const span: PacketSpan = spanOfPacket(encodePacket(0xc0, []));
    const { maxPacketBytes } = this.#host.terms.profile;
    const stream = new PacketStream(this, { maxPacketBytes, hasProperties: client.protocol === '5', span });
    this.#phase = { name: 'connected', client, stream };
  }

  /** Reads on, if a packet had to wait. */
  resume(nowMs: number): void {
    if (this.#phase.name !== 'connected' || !this.#phase.stream.isBlocked) return;
    this.#nowMs = nowMs;
    const { client, stream } = this.#phase;
    const problem = stream.resume();
    if (problem !== undefined) this.#handleFraming(client, problem, nowMs);
    else this.port.setReading(!stream.isBlocked);
  }

  /** The client has ended its side of the bargain, or the broker has. */
  close(): void {
    this.port.close();
    this.#finish();
  }

  handlePacket(span: PacketSpan) {
    return this.client?.handlePacket(span, this.#nowMs) ?? 'stop';
  }

  handleLargePublish(): 'collect' {
    return 'collect';
  }

  handlePayload(): void {}

  #collect(collector: PacketCollector, chunk: Buffer, nowMs: number): void {
    const collected = collector.push(chunk);
    if (collected.kind === 'incomplete') return;
    if (collected.kind === 'refused') {
      return void this.#refuse(
        collected.problem === 'packet-too-large' ? 'connect-too-large' : 'no-connect',
        '',
        nowMs,
      );
    }
    const { packet, rest } = collected;
    const decoding = decodeConnect(packet);
    if (decoding.ok) return void this.#handleConnect(decoding.value, rest, nowMs);
    const { kind, level } = decoding.error;
    const reason = kind === 'client-id' || kind === 'unsupported-version' ? kind : 'malformed-connect';
    // What cannot be read as MQTT 5 is answered in the form of 3.1.1 (MQTT 5 §3.1.2.2 leaves it open).
    this.#refuseConnect(reason, { protocol: level === 5 ? '5' : '3.1.1', clientId: '' }, nowMs);
  }

  #handleConnect(connect: ConnectPacket, rest: Buffer, nowMs: number): void {
    this.#cancelOpening();
    const { clientId, will } = connect;
    const fault = connectFault(connect, this.#host.terms) ?? this.#host.throttle(clientId, nowMs);
    if (fault !== undefined) return void this.#refuseConnect(fault, connect, nowMs);
    this.#phase = { name: 'asking', connect };
    if (rest.length > 0) this.#handlePipelined(connect, nowMs);
    if (this.#phase.name !== 'asking') return;
    const question: ConnectQuestion = {
      connection: this.arrived,
      clientId,
      username: connect.username,
      password: connect.password?.reveal(),
      persistent: connect.sessionExpiryInterval > 0,
      will: will === undefined ? undefined : { topic: will.topic, retain: will.retain },
      wallMs: Math.floor(nowMs),
    };
    this.#host.ask(question, this);
  }

  /** AWS: a client waits for CONNACK before it sends anything else. */
  #handlePipelined(connect: ConnectPacket, nowMs: number): void {
    if (this.#host.terms.variants.pipelined === 'close') return void this.#refuseConnect('pipelined', connect, nowMs);
    this.#host.refuse('pipelined', connect.clientId, nowMs);
  }

  #handleRefusal({ why, principalId }: Refused, connect: ConnectPacket, nowMs: number): void {
    this.#refuseConnect(reasonByAnswer[why], connect, nowMs);
    if (why === 'not-authorized') this.#host.tellConnectFailed(this, connect.clientId, principalId, nowMs);
  }

  #read(client: ConnectedClient, stream: PacketStream, chunk: Buffer, nowMs: number): void {
    const problem = stream.push(chunk);
    if (problem !== undefined) return void this.#handleFraming(client, problem, nowMs);
    if (stream.isBlocked) this.port.setReading(false);
  }

  #handleFraming(client: ConnectedClient, problem: string, nowMs: number): void {
    client.refuse(problem === 'packet-too-large' ? 'packet-too-large' : 'malformed', nowMs);
  }

  #refuseConnect(reason: RefusalReason, connect: Pick<ConnectPacket, 'protocol' | 'clientId'>, nowMs: number): void {
    const code = connackCode(reason, connect, this.#host.terms.variants);
    if (code !== undefined) {
      this.port.send(encodeConnack(connect.protocol, { code, sessionPresent: false, properties: [] }));
    }
    this.#refuse(reason, connect.clientId, nowMs);
  }

  #refuse(reason: RefusalReason, clientId: string, nowMs: number): void {
    this.#host.refuse(reason, clientId, nowMs);
    this.close();
  }

  #finish(): void {
    if (this.#phase.name === 'closed') return;
    this.#cancelOpening();
    if (this.#phase.name === 'connected') this.#phase.stream.stop();
    this.#phase = { name: 'closed' };
    this.#host.forget(this);
  }
}
