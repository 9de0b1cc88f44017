import { z } from 'zod';
import { bindAddress, cidrBlock, filePath, nameText, nonEmptyText, wholeNumber } from './words.ts';

/** The largest MQTT packet there is: 268 435 455 bytes behind a fixed header of 5. */
export const largestPacketBytes = 268_435_460;

export const certificateFilesSchema = z.strictObject({
  cert: filePath.describe('PEM file: the certificate and what leads up to its CA'),
  key: filePath.describe('PEM file: its private key, not encrypted'),
});

export const alpnProtocol = z
  .string()
  .refine((name) => name !== '' && Buffer.byteLength(name) <= 255, { error: 'an ALPN protocol of 1 to 255 bytes' });

const listenerTlsSchema = z.strictObject({
  certificates: z
    .array(certificateFilesSchema)
    .min(1)
    .describe('Chosen by SNI; the first serves clients without SNI or with an unknown one'),
  clientCertificates: z.enum(['required', 'optional', 'observe', 'off']).default('required'),
  trustedCas: z.array(filePath).default([]).describe('PEM files with the CAs of the devices'),
  tolerate: z
    .array(z.enum(['expired', 'notYetValid', 'missingClientAuth', 'weakSignature', 'weakKey']))
    .default([])
    .describe('Faults of device certificates that are let in'),
  crls: z.array(filePath).default([]).describe('PEM or DER files, reloaded when they change'),
  crlStale: z
    .enum(['allow', 'refuse'])
    .default('allow')
    .describe('When a CRL is missing, unreadable or past its next update: ignore it, or refuse its issuer'),
  minVersion: z.enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  alpn: z.array(alpnProtocol).default(['x-amzn-mqtt-ca', 'mqtt']).describe('Accepted when offered, never required'),
  ticketSecret: z
    .exactOptional(nonEmptyText)
    .describe('Session ticket keys of all workers and gateways come from it; absent: made at start'),
});

export const listenerSchema = z.strictObject({
  name: nameText,
  bind: bindAddress,
  tls: z.exactOptional(listenerTlsSchema).describe('Absent: plain MQTT over TCP'),
  proxyProtocol: z
    .strictObject({
      from: z.array(cidrBlock).default([]).describe('Load balancers that must send PROXY v2; others must not'),
    })
    .prefault({}),
  maxPacketBytes: wholeNumber(1, largestPacketBytes)
    .default(largestPacketBytes)
    .describe('Bytes that a packet after CONNECT may declare'),
});

export const listenersSchema = z.array(listenerSchema).min(1).describe('Where devices connect');
