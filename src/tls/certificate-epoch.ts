import { type CertifiedDevice, deviceDigest } from './certified-device.ts';

/** How long a minted certificate is presented, and for how much longer it is valid on both sides. */
export interface EpochRule {
  /** Days that a certificate is presented: 90 or more. */
  readonly epochDays: number;
}

export interface CertificateEpoch {
  readonly number: number;
  /** Milliseconds since the Unix epoch; the certificate is presented from `startsMs` until `endsMs`. */
  readonly startsMs: number;
  readonly endsMs: number;
  /** The certificate's validity, whole seconds: the epoch and `overlapDays` on either side. */
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Days that a certificate is valid before and after its epoch: gateways whose clocks differ may present either at the
 * boundary, and the next one can be registered ahead.
 */
export const overlapDays = 30;

const dayMs = 86_400_000;

/**
 * The epoch that a device is in at `nowMs`. Its boundaries are the device's own: they lie at a hash of its key, to the
 * second, so that a fleet's renewals spread evenly over the epoch's length.
 */
export function certificateEpoch(device: CertifiedDevice, { epochDays }: EpochRule, nowMs: number): CertificateEpoch {
  const lengthMs = epochDays * dayMs;
  const offsetMs = (deviceDigest('epoch', device).readUIntBE(0, 6) % (lengthMs / 1_000)) * 1_000;
  const number = Math.floor((nowMs - offsetMs) / lengthMs);
  const startsMs = offsetMs + number * lengthMs;
  const endsMs = startsMs + lengthMs;
  return {
    number,
    startsMs,
    endsMs,
    notBefore: new Date(startsMs - overlapDays * dayMs),
    notAfter: new Date(endsMs + overlapDays * dayMs),
  };
}
