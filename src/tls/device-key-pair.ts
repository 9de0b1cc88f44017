import { createECDH, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { type CertifiedDevice, deviceDigest } from './certified-device.ts';

/** The order of P-256's group (SP 800-186 §3.2.1.3). */
const groupOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** 64 more bits than the order has: reduced by it they are uniform to within 2^-64 (FIPS 186-5 A.2.1, extra random bits). */
const scalarSeedBytes = 40;

/** The device's P-256 key pair: HKDF-SHA-256 (RFC 5869) over the gateways' secret, the same at every call. */
export function deriveDeviceKeyPair(
  secret: Buffer,
  device: CertifiedDevice,
): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const seed = derive(secret, deviceDigest('key', device), scalarSeedBytes);
  const scalar = Buffer.from(reduceToScalar(seed).toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: scalar.toString('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** FIPS 186-5 A.2.1: d = (c mod (n − 1)) + 1, so 1 ≤ d < n. */
export function reduceToScalar(seed: Buffer): bigint {
  return (BigInt(`0x${seed.toString('hex')}`) % (groupOrder - 1n)) + 1n;
}

/**
 * Positive and never zero: the top bit is cleared, the next one set (RFC 5280 §4.1.2.2). `names` are the subject
 * alternative names, so that one issuer never gives one serial number to two certificates (§4.1.2.2 again).
 */
export function deriveSerialNumber(
  secret: Buffer,
  device: CertifiedDevice,
  { epoch, names }: { readonly epoch: number; readonly names: readonly string[] },
): string {
  const info = deviceDigest(`serial ${epoch} ${JSON.stringify(names)}`, device);
  const bytes = derive(secret, info, 16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function derive(secret: Buffer, info: Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'crossfade:device-identity:v1', info, length));
}
