import type { DeviceKey } from '../plan/device-key.ts';

/** Who the gateway vouches for at a broker. Every leg of a session presents the same. */
export interface VouchedIdentity {
  /** The device key; absent: the device presents none of `fleet.identity`. */
  readonly key?: DeviceKey;
  /** As sent in CONNECT. */
  readonly clientId: string;
  /** Of the device's own certificate, lower-case hexadecimal SHA-256. */
  readonly fingerprint?: string;
  /** It showed a certificate that verified, or whose faults the listener tolerates. */
  readonly isProven: boolean;
}
