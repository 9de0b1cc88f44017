import { decodeAcknowledgement, encodeAcknowledgement } from './acknowledgement-packet.ts';
import { type ProtocolVersion, packetType } from './control-packet.ts';
import type { LegOutput } from './leg-output.ts';
import type { PacketSpan } from './packet-stream.ts';

/** The acknowledgement packet that was read last: identifier and MQTT 5 reason (0 before). */
export interface AcknowledgementRead {
  packetId: number;
  reason: number;
}

/** Reads the identifier and reason of a PUBACK, PUBREC, PUBREL or PUBCOMP; gives the MQTT 5 reason code of what is wrong, or 0. */
export function readAcknowledgement(span: PacketSpan, protocol: ProtocolVersion, read: AcknowledgementRead): number {
  const { bytes, start, body, end } = span;
  if (end - body === 2) {
    const firstByte = bytes[start] as number;
    const flags = firstByte & 0x0f;
    const isPubrel = firstByte >> 4 === packetType.pubrel;
    // MQTT 3.1 §3.6: PUBREL has QoS 1 and may say DUP, and its other acknowledgements have no rule for their flags.
    const isFlagged = protocol === '3.1' ? isPubrel && (flags & 0x06) !== 0x02 : flags !== (isPubrel ? 0x02 : 0);
    if (isFlagged) return malformed;
    read.packetId = ((bytes[body] as number) << 8) | (bytes[body + 1] as number);
    read.reason = 0;
    return read.packetId === 0 ? malformed : 0;
  }
  const decoded = decodeAcknowledgement(bytes.subarray(start, end), protocol);
  if (!decoded.ok) return decoded.error.reason;
  read.packetId = decoded.value.packetId;
  read.reason = decoded.value.reason;
  return 0;
}

/**
 * Passes an acknowledgement on, as `type` and under `packetId`: in place where the bytes of the other leg's version are the
 * same, else encoded in its shortest form.
 */
export function passAcknowledgement(
  span: PacketSpan,
  to: {
    readonly output: LegOutput;
    readonly protocol: ProtocolVersion;
    readonly type: number;
    readonly packetId: number;
  },
): void {
  const packet = acknowledgementFor(span, to);
  if (packet === undefined) to.output.pass(span.bytes, span.start, span.end);
  else to.output.send(packet);
}

/** The same acknowledgement for later: a copy. */
export function keptAcknowledgement(
  span: PacketSpan,
  to: { readonly protocol: ProtocolVersion; readonly type: number; readonly packetId: number },
): Buffer {
  return acknowledgementFor(span, to) ?? Buffer.from(span.bytes.subarray(span.start, span.end));
}

/** Undefined: the span itself, changed in place, is the packet. */
function acknowledgementFor(
  { bytes, start, body, end }: PacketSpan,
  {
    protocol,
    type,
    packetId,
  }: { readonly protocol: ProtocolVersion; readonly type: number; readonly packetId: number },
): Buffer | undefined {
  if (end - body !== 2 && protocol !== '5') {
    return encodeAcknowledgement(protocol, { type: type as 4 | 5 | 6 | 7, packetId });
  }
  bytes[start] = (type << 4) | (type === packetType.pubrel ? 0x02 : 0);
  bytes[body] = packetId >> 8;
  bytes[body + 1] = packetId & 0xff;
  return undefined;
}

const malformed = 0x81;
