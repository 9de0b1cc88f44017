import type { SpooledMessage } from './link-item.ts';

/** Length and checksum stand in front of a record's body. */
export const recordHeaderBytes = 8;
/** Times, flags, and the lengths of topic and properties. */
const fixedBodyBytes = 8 + 8 + 1 + 2 + 4;

const retainFlag = 0x04;

/** A record's body; numbers are big-endian. The checksum is the disk's affair. */
export function encodeSpoolBody({ message, arrivedWallMs }: SpooledMessage): Buffer {
  const { topic, properties, payload, qos, retain, expiresAtMs } = message;
  const topicBytes = Buffer.byteLength(topic);
  const body = Buffer.allocUnsafe(fixedBodyBytes + topicBytes + properties.length + payload.length);
  let at = body.writeDoubleBE(arrivedWallMs, 0);
  at = body.writeDoubleBE(expiresAtMs, at);
  at = body.writeUInt8(qos | (retain ? retainFlag : 0), at);
  at = body.writeUInt16BE(topicBytes, at);
  at = body.writeUInt32BE(properties.length, at);
  at += body.write(topic, at);
  at += properties.copy(body, at);
  payload.copy(body, at);
  return body;
}

/** Undefined: it is none, though its checksum was right. The buffers are the body's own. */
export function decodeSpoolBody(body: Buffer): SpooledMessage | undefined {
  if (body.length < fixedBodyBytes) return undefined;
  const flags = body.readUInt8(16);
  const topicBytes = body.readUInt16BE(17);
  const propertyBytes = body.readUInt32BE(19);
  const propertiesAt = fixedBodyBytes + topicBytes;
  const payloadAt = propertiesAt + propertyBytes;
  const qos = flags & 0x03;
  if (payloadAt > body.length || qos === 3) return undefined;
  return {
    arrivedWallMs: body.readDoubleBE(0),
    message: {
      topic: body.toString('utf8', fixedBodyBytes, propertiesAt),
      qos: qos as 0 | 1 | 2,
      retain: (flags & retainFlag) !== 0,
      properties: body.subarray(propertiesAt, payloadAt),
      payload: body.subarray(payloadAt),
      expiresAtMs: body.readDoubleBE(8),
      isMarked: false,
    },
  };
}
