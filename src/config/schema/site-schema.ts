import { z } from 'zod';
import { cidrBlock, ipAddress, nameText, portNumber, wholeNumber } from './words.ts';

const probeSchema = z.strictObject({
  tcp: z.exactOptional(portNumber),
  tls: z.exactOptional(portNumber),
  mqtt: z.exactOptional(portNumber),
  everyMs: wholeNumber(100, 86_400_000).default(5_000),
});

const siteSchema = z.strictObject({
  name: nameText,
  addresses: z.array(ipAddress).min(1),
  weight: wholeNumber(0, 65_535).default(100),
  near: z.array(cidrBlock).default([]),
  probe: z.exactOptional(probeSchema).describe('Ports to probe; absent: always healthy'),
});

export const sitesSchema = z.array(siteSchema).describe('Gateways of this fleet; not served by this version');
