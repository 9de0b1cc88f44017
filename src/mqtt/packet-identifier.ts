/** The identifier of a whole packet whose variable header begins with it (SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK). */
export function packetIdentifierOf(packet: Buffer): number {
  return packet.readUInt16BE(bodyOffset(packet));
}

/** The packet itself where it has that identifier, else a copy that has it. */
export function withPacketIdentifier(packet: Buffer, packetId: number): Buffer {
  if (packetIdentifierOf(packet) === packetId) return packet;
  const copy = Buffer.from(packet);
  copy.writeUInt16BE(packetId, bodyOffset(copy));
  return copy;
}

/** Behind the first byte and the Remaining Length (MQTT 5 §2.1.4). */
function bodyOffset(packet: Buffer): number {
  let at = 1;
  while (((packet[at] ?? 0) & 0x80) !== 0) at += 1;
  return at + 1;
}
