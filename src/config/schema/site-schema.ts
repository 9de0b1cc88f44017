import { z } from 'zod';
import { cidrBlock, nameText, portNumber, servedAddress, wholeNumber } from './words.ts';

const probeSchema = z.strictObject({
  tcp: z.exactOptional(portNumber),
  tls: z.exactOptional(portNumber),
  mqtt: z.exactOptional(portNumber),
  everyMs: wholeNumber(100, 86_400_000).default(5_000),
  timeoutMs: wholeNumber(50, 60_000).default(2_000).describe('For all of one probe'),
  rise: wholeNumber(1, 100).default(2).describe('Good probes in a row that bring up what is down'),
  fall: wholeNumber(1, 100).default(3).describe('Failed probes in a row that take down what is up'),
  holdDownMs: wholeNumber(0, 86_400_000)
    .default(10_000)
    .describe('What is down stays so at least this long; up to 8 times as long where it flaps'),
});

const siteSchema = z.strictObject({
  name: nameText,
  addresses: z.array(servedAddress).min(1),
  weight: wholeNumber(0, 65_535).default(100),
  near: z.array(cidrBlock).default([]),
  probe: z.exactOptional(probeSchema).describe('Ports to probe; absent: always healthy'),
});

export const sitesSchema = z.array(siteSchema).describe('Gateways of this fleet');
