import { decodeAcknowledgement } from '../../mqtt/acknowledgement-packet.ts';
import { type Connack, judgeConnack } from '../../mqtt/connack-packet.ts';
import { encodeConnect } from '../../mqtt/connect-encoding.ts';
import { maxPacketBytes, type ProtocolVersion, packetType } from '../../mqtt/control-packet.ts';
import { decodeDisconnect, encodeClientDisconnect } from '../../mqtt/disconnect-packet.ts';
import { pingPhase, pingreq, UpstreamKeepAlive } from '../../mqtt/leg-keep-alive.ts';
import { type PacketReader, type PacketSpan, PacketStream, type PacketVerdict } from '../../mqtt/packet-stream.ts';
import { propertyId, type RawProperty, uint16Property, uint32Property } from '../../mqtt/properties.ts';
import { PublishHead } from '../../mqtt/publish-head.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import type { Secret } from '../../mqtt/secret.ts';
import { decodeSuback, decodeUnsuback } from '../../mqtt/suback-packet.ts';

/** How the bridge introduces itself on one connection. */
export interface ClientTerms {
  readonly protocol: ProtocolVersion;
  readonly clientId: string;
  /** Clean Session before MQTT 5. */
  readonly cleanStart: boolean;
  /** Seconds that the session outlives the connection; MQTT 5 only. */
  readonly sessionExpirySeconds: number;
  readonly keepAliveSeconds: number;
  /** QoS 1 and 2 PUBLISH packets that may come unacknowledged; MQTT 5 only, others have a bound of their own. */
  readonly receiveMaximum: number;
  readonly username?: string;
  readonly password?: Secret;
  /** A PUBLISH above this is handed over without the rest of its payload. */
  readonly wholePublishBytes: number;
}

/** What was agreed at CONNACK. */
export interface Opening {
  readonly sessionPresent: boolean;
  /** Unacknowledged PUBLISH packets that the broker takes. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that it takes. */
  readonly maximumPacketSize: number;
  readonly retainAvailable: boolean;
}

/** What the broker says, to whoever the connection serves. */
export interface ClientHandler {
  handleOpen(opening: Opening, nowMs: number): void;
  /** `head` is true until this returns; `isWhole` false: the end of the payload is not there and will not come. */
  handlePublish(head: PublishHead, isWhole: boolean, nowMs: number): void;
  handleAcknowledgement(type: 4 | 5 | 6 | 7, packetId: number, reason: number, nowMs: number): void;
  handleSuback(packetId: number, codes: readonly number[], nowMs: number): void;
  handleUnsuback(packetId: number, nowMs: number): void;
  handlePingresp(nowMs: number): void;
}

/** The connection's effects. `close` comes once; nothing is written behind it. */
export interface ClientPort {
  /** What was written waits in the socket. */
  readonly isFull: boolean;
  /** Takes a copy of the first `length` bytes. */
  write(bytes: Buffer, length: number): void;
  close(cause: string): void;
}

/** Milliseconds that a broker may take for CONNACK. */
export const connackMs = 10_000;

/**
 * One connection to a broker as its client: CONNECT and CONNACK, keep alive, packets taken apart. What PUBLISH,
 * acknowledgements and SUBSCRIBE mean is the handler's.
 */
export class BrokerClient implements PacketReader {
  readonly #terms: ClientTerms;
  readonly #handler: ClientHandler;
  readonly #port: ClientPort;
  readonly #stream: PacketStream;
  readonly #head: PublishHead;
  readonly #connackDueMs: number;
  readonly #acknowledgement = Buffer.from([0, 2, 0, 0]);
  #keepAlive: UpstreamKeepAlive;
  #nowMs: number;
  /** `greeting`: CONNECT is sent. `open`: CONNACK said yes. `closed`: nothing counts any more. */
  #state: 'greeting' | 'open' | 'closed' = 'greeting';
  #wasTakenOver = false;

  /** Sends CONNECT. */
  constructor(terms: ClientTerms, handler: ClientHandler, { port, nowMs }: { port: ClientPort; nowMs: number }) {
    this.#terms = terms;
    this.#handler = handler;
    this.#port = port;
    this.#nowMs = nowMs;
    this.#connackDueMs = nowMs + connackMs;
    this.#head = new PublishHead(terms.protocol, false);
    this.#keepAlive = new UpstreamKeepAlive(terms.keepAliveSeconds, pingPhase(terms.clientId), nowMs);
    const span: PacketSpan = { bytes: Buffer.alloc(0), start: 0, body: 0, end: 0, packetBytes: 0 };
    this.#stream = new PacketStream(this, { maxPacketBytes, hasProperties: terms.protocol === '5', span });
    const connect = encodeConnect(connectFields(terms));
    port.write(connect, connect.length);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isFull(): boolean {
    return this.#port.isFull;
  }

  /** The broker said that another client came in under the client ID; before MQTT 5 it does not. */
  get wasTakenOver(): boolean {
    return this.#wasTakenOver;
  }

  /** A PINGREQ is not answered. */
  get isAwaitingPing(): boolean {
    return this.#keepAlive.isAwaitingAnswer;
  }

  receive(chunk: Buffer, nowMs: number): void {
    if (this.#state === 'closed') return;
    this.#nowMs = nowMs;
    this.#keepAlive.received(nowMs);
    const problem = this.#stream.push(chunk);
    if (problem !== undefined) this.close(`the broker's packets cannot be read: ${problem}`);
  }

  /** The packet is the first `length` of the bytes, which are the caller's again when this returns. */
  send(bytes: Buffer, nowMs: number, length = bytes.length): void {
    if (this.#state === 'closed') return;
    this.#keepAlive.sent(nowMs);
    this.#port.write(bytes, length);
  }

  /** Says that nothing is wrong: four bytes in all versions. */
  acknowledge(type: 4 | 5 | 6 | 7, packetId: number, nowMs: number): void {
    const bytes = this.#acknowledgement;
    bytes[0] = (type << 4) | (type === packetType.pubrel ? 0x02 : 0);
    bytes[2] = packetId >> 8;
    bytes[3] = packetId;
    this.send(bytes, nowMs);
  }

  ping(nowMs: number): void {
    this.send(pingreq, nowMs);
    this.#keepAlive.pinged(nowMs);
  }

  /** It is not read at the moment: an answer may lie there. */
  excuse(nowMs: number): void {
    this.#keepAlive.excuse(nowMs);
  }

  get nextDeadlineMs(): number {
    if (this.#state === 'closed') return Number.POSITIVE_INFINITY;
    return this.#state === 'greeting' ? this.#connackDueMs : this.#keepAlive.deadlineMs;
  }

  handleTick(nowMs: number): void {
    if (this.#state === 'closed' || this.nextDeadlineMs > nowMs) return;
    if (this.#state === 'greeting') this.close(`no CONNACK within ${connackMs} ms`);
    else if (this.#keepAlive.isSilent(nowMs)) this.close('no answer to PINGREQ');
    else this.ping(nowMs);
  }

  /**
   * Says goodbye where there was a greeting: no will, and the session stays as long as was agreed; `forgetsSession`: not at
   * all, which only MQTT 5 can say.
   */
  end(cause: string, { forgetsSession = false }: { readonly forgetsSession?: boolean } = {}): void {
    const options = forgetsSession ? { sessionExpiryInterval: 0 } : {};
    if (this.#state === 'open') this.send(encodeClientDisconnect(this.#terms.protocol, options), this.#nowMs);
    this.close(cause);
  }

  close(cause: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#stream.stop();
    this.#port.close(cause);
  }

  /** The connection is gone already. */
  abandon(): void {
    this.#state = 'closed';
    this.#stream.stop();
  }

  handlePacket(span: PacketSpan): PacketVerdict {
    const type = (span.bytes[span.start] as number) >> 4;
    if (this.#state === 'greeting' && type !== packetType.connack) this.close(`packet type ${type} before CONNACK`);
    else if (type === packetType.publish) this.#readPublish(span, true);
    else if (type >= packetType.puback && type <= packetType.pubcomp) this.#readAcknowledgement(span);
    else this.#readOther(type, span);
    return this.#state === 'closed' ? 'stop' : 'proceed';
  }

  handleLargePublish(span: PacketSpan): PacketVerdict {
    if (this.#state !== 'open') this.close('PUBLISH before CONNACK');
    else if (span.packetBytes <= this.#terms.wholePublishBytes) return 'collect';
    else this.#readPublish(span, false);
    return this.isClosed ? 'stop' : 'proceed';
  }

  handlePayload(): void {}

  #readPublish(span: PacketSpan, isWhole: boolean): void {
    const fault = this.#head.read(span);
    if (fault !== 0) this.close(`a PUBLISH that cannot be read: 0x${fault.toString(16)}`);
    else this.#handler.handlePublish(this.#head, isWhole, this.#nowMs);
  }

  #readAcknowledgement({ bytes, start, body, end }: PacketSpan): void {
    const type = ((bytes[start] as number) >> 4) as 4 | 5 | 6 | 7;
    // Four bytes: what all versions send where nothing is wrong.
    if (end - body === 2) {
      this.#handler.handleAcknowledgement(type, bytes.readUInt16BE(body), 0, this.#nowMs);
      return;
    }
    const decoded = decodeAcknowledgement(bytes.subarray(start, end), this.#terms.protocol);
    if (!decoded.ok) this.close(`an acknowledgement that cannot be read: ${decoded.error.message}`);
    else this.#handler.handleAcknowledgement(type, decoded.value.packetId, decoded.value.reason, this.#nowMs);
  }

  #readOther(type: number, { bytes, start, end }: PacketSpan): void {
    const packet = bytes.subarray(start, end);
    const { protocol } = this.#terms;
    switch (type) {
      case packetType.connack:
        if (this.#state !== 'greeting') this.close('a second CONNACK');
        else this.#readConnack(packet);
        break;
      case packetType.suback: {
        const decoded = decodeSuback(packet, protocol);
        if (!decoded.ok) this.close(`a SUBACK that cannot be read: ${decoded.error.message}`);
        else this.#handler.handleSuback(decoded.value.packetId, decoded.value.codes, this.#nowMs);
        break;
      }
      case packetType.unsuback: {
        const decoded = decodeUnsuback(packet, protocol);
        if (!decoded.ok) this.close(`an UNSUBACK that cannot be read: ${decoded.error.message}`);
        else this.#handler.handleUnsuback(decoded.value.packetId, this.#nowMs);
        break;
      }
      case packetType.pingresp:
        this.#keepAlive.answered();
        this.#handler.handlePingresp(this.#nowMs);
        break;
      case packetType.disconnect: {
        const decoded = decodeDisconnect(packet, protocol, 'server');
        const reason = decoded.ok ? `0x${decoded.value.reason.toString(16)}` : 'that cannot be read';
        this.#wasTakenOver = decoded.ok && decoded.value.reason === reasonCode.sessionTakenOver;
        this.close(`DISCONNECT ${reason}`);
        break;
      }
      default:
        this.close(`packet type ${type}, which no broker sends`);
    }
  }

  #readConnack(packet: Buffer): void {
    const judged = judgeConnack(packet, this.#terms.protocol);
    if (!judged.ok) {
      this.close(`a CONNACK that cannot be read: ${judged.error.message}`);
      return;
    }
    const { code, sessionPresent, properties } = judged.value;
    if (code !== 0) {
      this.close(refusalText(judged.value, this.#terms.protocol));
      return;
    }
    const serverKeepAlive = properties?.number(propertyId.serverKeepAlive);
    if (serverKeepAlive !== undefined) {
      this.#keepAlive = new UpstreamKeepAlive(serverKeepAlive, pingPhase(this.#terms.clientId), this.#nowMs);
    }
    this.#state = 'open';
    const opening: Opening = {
      sessionPresent,
      receiveMaximum: properties?.number(propertyId.receiveMaximum) ?? 65_535,
      maximumPacketSize: properties?.number(propertyId.maximumPacketSize) ?? maxPacketBytes,
      retainAvailable: properties?.number(propertyId.retainAvailable) !== 0,
    };
    this.#handler.handleOpen(opening, this.#nowMs);
  }
}

function connectFields(terms: ClientTerms): Parameters<typeof encodeConnect>[0] {
  const { protocol, clientId, cleanStart, keepAliveSeconds, username, password } = terms;
  const properties: readonly RawProperty[] = [
    uint32Property(propertyId.sessionExpiryInterval, terms.sessionExpirySeconds),
    uint16Property(propertyId.receiveMaximum, terms.receiveMaximum),
  ];
  return {
    protocol,
    bridge: false,
    clientId,
    cleanStart,
    keepAliveSeconds,
    properties: protocol === '5' ? properties : [],
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

function refusalText({ code }: Connack, protocol: ProtocolVersion): string {
  const isVersion = protocol === '5' ? code === 0x84 : code === 1;
  const isCredential = protocol === '5' ? code === 0x86 || code === 0x87 : code === 4 || code === 5;
  let hint = '';
  if (isVersion) hint = `: it does not speak MQTT ${protocol}; say so in the broker's versions`;
  if (isCredential) hint = ': it does not let these credentials in; look at its entry in bridge.connections';
  return `CONNACK refuses with 0x${code.toString(16)}${hint}`;
}
