import { z } from 'zod';
import { parseBrokerUrl } from '../broker-url.ts';
import { alpnProtocol, certificateFilesSchema } from './listener-schema.ts';
import { domainName, filePath, nameText, wholeNumber } from './words.ts';

const brokerUrl = z
  .string()
  .transform((text, context) => {
    const endpoint = parseBrokerUrl(text);
    if (endpoint !== undefined) return endpoint;
    context.addIssue({
      code: 'custom',
      message: 'mqtt://HOST[:PORT] or mqtts://HOST[:PORT] without user, path and query',
    });
    return z.NEVER;
  })
  .meta({ pattern: '^mqtts?://' });

/** YAML reads 3.1 and 5 without quotes as numbers; what is meant is plain. */
const protocolVersion = z.literal(['3.1', '3.1.1', '5', 3.1, 5]).transform((version) => `${version}` as const);

const mintedCertificatesSchema = z.strictObject({
  epochDays: wholeNumber(90, 3_650)
    .default(180)
    .describe('Days that a certificate of a device is presented; it is valid 30 days longer on either side'),
  alternativeNames: z
    .array(z.enum(['clientId', 'fingerprint']))
    .default([])
    .describe('Written into it beside the device key; where they change, so does the certificate'),
  secret: z
    .exactOptional(z.string().min(32, { error: 'at least 32 characters' }))
    .describe('What the keys of the devices are derived from, the same on every gateway; absent: the key of the CA'),
});

export const mintedCertificatesDefaults = mintedCertificatesSchema.parse({});

const firstContactSchema = z.strictObject({
  registrationsPerSecond: z
    .number()
    .min(0.01)
    .max(10_000)
    .default(12)
    .describe('First contacts a second while most of them are closed: below the 15 registrations that an account has'),
  retries: wholeNumber(0, 5)
    .default(2)
    .describe('Further CONNECTs, 1.1 s apart, that a device waits for before its source has it'),
  refusedAfterCloses: wholeNumber(2, 1_000)
    .default(5)
    .describe('Closes behind which a device is listed as refused by the broker'),
  refusedAfterMs: wholeNumber(1, 86_400_000).default(600_000).describe('Milliseconds that they have to span'),
});

export const firstContactDefaults = firstContactSchema.parse({});

const authorizerSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w=,@-]{1,128}$/, { error: 'the name of an authorizer: 1 to 128 letters, digits and _=,@-' })
    .describe('The custom authorizer'),
  tokenKeyName: z
    .string()
    .regex(/^[\w-]{1,128}$/, { error: '1 to 128 letters, digits, hyphens and underscores' })
    .default('token')
    .describe('Its tokenKeyName'),
  key: filePath.describe('PEM file: the RSA private key that signs the tokens'),
  tokenSeconds: wholeNumber(300, 604_800)
    .default(86_400)
    .describe('Seconds that a token is good for: no less than a connection lasts, where the authorizer refreshes'),
  password: z.enum(['forward', 'omit']).default('forward').describe('What becomes of the password of the device'),
});

const brokerIdentitySchema = z.strictObject({
  mode: z
    .enum(['forward', 'gateway-certificate', 'device-certificate', 'custom-authorizer'])
    .default('forward')
    .describe('What the gateway presents on behalf of a device'),
  cert: z.exactOptional(filePath).describe('PEM file: the client certificate of the gateway itself'),
  key: z.exactOptional(filePath).describe('PEM file: its private key'),
  ca: z.exactOptional(certificateFilesSchema).describe('device-certificate: the CA that mints them'),
  certificates: z.exactOptional(mintedCertificatesSchema).describe('device-certificate: how they are minted'),
  register: z
    .exactOptional(z.enum(['jitr', 'on-sight']))
    .describe('device-certificate: who makes a device known: the broker by itself, or the gateway by its API'),
  firstContact: z
    .exactOptional(firstContactSchema)
    .describe('device-certificate, custom-authorizer: how devices are brought to a broker that does not know them yet'),
  authorizer: z.exactOptional(authorizerSchema).describe('custom-authorizer: how devices are vouched for'),
  vouchUnverified: z.boolean().default(false).describe('Vouch also for devices that showed no verified certificate'),
});

export const brokerSchema = z.strictObject({
  url: z.exactOptional(brokerUrl).describe('One endpoint; url or urls, not both'),
  urls: z.exactOptional(z.array(brokerUrl).min(1)).describe('Several endpoints of one broker'),
  profile: z.enum(['mqtt', 'aws-iot-core']).default('mqtt').describe('The table of limits and quirks'),
  versions: z
    .exactOptional(z.array(protocolVersion).min(1))
    .describe('Protocol versions that it speaks, in any order; absent: those of the profile'),
  undeliverable: z
    .enum(['refuse', 'acknowledge'])
    .default('refuse')
    .describe('What happens to a message that it cannot take'),
  undeliverableRecord: z.exactOptional(filePath).describe('acknowledge: the file that says what was dropped'),
  tls: z
    .strictObject({
      ca: z.exactOptional(filePath).describe('PEM file; absent: the CAs of the system'),
      servername: z.exactOptional(domainName).describe('In SNI and to verify; absent: the host of the endpoint'),
      alpn: z
        .exactOptional(z.array(alpnProtocol))
        .describe('Offered in this order, [] for none; absent: what the profile wants on the port'),
    })
    .prefault({}),
  identity: brokerIdentitySchema.prefault({}),
  sendProxyProtocol: z.boolean().default(false).describe('Send PROXY v2 with the address of the device'),
  connectsPerSecond: z
    .exactOptional(wholeNumber(1, 1_000_000))
    .describe('Never exceeded by all workers together; absent: no bound'),
  filtersPerSecond: z
    .exactOptional(wholeNumber(1, 1_000_000))
    .describe('Topic filters of the SUBSCRIBEs of all workers together; absent: what the profile says'),
  onDown: z.enum(['hold', 'source', 'close']).default('hold').describe('What happens to its devices when it is down'),
});

export const brokersSchema = z.record(nameText, brokerSchema).describe('The brokers, by name');
