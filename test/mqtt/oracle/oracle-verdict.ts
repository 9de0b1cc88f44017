import { createRequire } from 'node:module';
import mqtt, { type Packet } from 'mqtt-packet';
import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';

mqtt.writeToStream.cacheNumbers = false;

export const levels = { '3.1': 3, '3.1.1': 4, '5': 5 } as const satisfies Record<ProtocolVersion, number>;

export type OracleVerdict =
  | { readonly ok: true; readonly packet: Packet }
  | { readonly ok: false; readonly message: string };

/** What mqtt-packet says of bytes that should be exactly one packet. */
export function askOracle(protocol: ProtocolVersion, bytes: Buffer): OracleVerdict {
  const parser = mqtt.parser({ protocolVersion: levels[protocol] });
  const packets: Packet[] = [];
  let message: string | undefined;
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => {
    message ??= error.message;
  });
  try {
    parser.parse(bytes);
  } catch (error) {
    message ??= `thrown: ${error instanceof Error ? error.message : String(error)}`;
  }
  const [packet] = packets;
  if (message !== undefined) return { ok: false, message };
  if (packet === undefined) return { ok: false, message: 'not a whole packet' };
  if (bytes.length !== headerBytes(bytes) + (packet.length ?? 0)) return { ok: false, message: 'not one packet' };
  return { ok: true, packet };
}

/** Up to the end of the Remaining Length. */
function headerBytes(bytes: Buffer): number {
  return 2 + bytes.subarray(1, 5).findIndex((byte) => byte < 0x80);
}

export interface OracleConstants {
  /** Names of properties by identifier. */
  readonly propertiesCodes: Readonly<Record<number, string>>;
  readonly propertiesTypes: Readonly<Record<string, string>>;
}

export const oracleConstants = createRequire(import.meta.url)('mqtt-packet/constants') as OracleConstants;
