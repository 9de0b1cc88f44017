/** A packet whose variable header begins with its identifier (SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK): itself, or a copy with another. */
export function withPacketIdentifier(packet: Buffer, packetId: number): Buffer {
  const at = bodyOffset(packet);
  if (packet.readUInt16BE(at) === packetId) return packet;
  const copy = Buffer.from(packet);
  copy.writeUInt16BE(packetId, at);
  return copy;
}

/** Behind the first byte and the Remaining Length (MQTT 5 §2.1.4). */
function bodyOffset(packet: Buffer): number {
  let at = 1;
  while (((packet[at] ?? 0) & 0x80) !== 0) at += 1;
  return at + 1;
}
