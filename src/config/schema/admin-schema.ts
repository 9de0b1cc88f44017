import { z } from 'zod';
import { certificateFilesSchema } from './listener-schema.ts';
import { bindAddress, nameText } from './words.ts';

/** What an Authorization header can carry (RFC 6750 section 2.1, and every other visible ASCII character). */
const bearerToken = z.string().refine((token) => /^[\x21-\x7e]+$/.test(token), {
  error: 'a token of visible ASCII characters without spaces, not empty',
});

const tokenSchema = z.strictObject({
  name: nameText.describe('The author of the revisions that it makes'),
  role: z.enum(['viewer', 'operator', 'admin']),
  token: bearerToken,
});

export const adminSchema = z
  .strictObject({
    bind: bindAddress.prefault('127.0.0.1:9440'),
    tls: z.exactOptional(certificateFilesSchema).describe('HTTPS; plain HTTP only on loopback'),
    tokens: z.array(tokenSchema).min(1),
    metricsToken: z.exactOptional(bearerToken).describe('Asked for at /metrics; absent: /metrics is open'),
  })
  .describe('The HTTP API and the dashboard');
