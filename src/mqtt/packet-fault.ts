import type { ByteReader } from './byte-reader.ts';

/** What is wrong with a packet: the whole connection ends for it. */
export interface PacketFault {
  /** The MQTT 5 reason code for the DISCONNECT: 0x81 malformed, 0x82 protocol error, 0x94 topic alias and so on. */
  readonly reason: number;
  /** For a log; it shows no payload and no secret. */
  readonly message: string;
}

export type PacketDecoding<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: PacketFault };

/** The value, if the packet ended where its last field did and no field was wrong; else the first thing that was. */
export function decodingOf<T>(reader: ByteReader, value: T): PacketDecoding<T> {
  if (reader.bytesLeft > 0) reader.fail(`${reader.bytesLeft} bytes stand behind the last field`);
  if (reader.problem === undefined) return { ok: true, value };
  return { ok: false, error: { reason: reader.reason, message: reader.problem } };
}
