import { z } from 'zod';
import { defaultTlsPolicy, policyFilterFault } from '../aws-words.ts';
import { domainName, filePath, numberBetween, wholeNumber } from './words.ts';

/** An ARN of one service; the account and the region are looked at by the checks. */
function arnOf(what: string, form: RegExp) {
  return z
    .string()
    .regex(form, { error: `the ARN of ${what}` })
    .describe(`ARN of ${what}`);
}

const functionArn = arnOf(
  'a Lambda function, such as arn:aws:lambda:eu-west-1:123456789012:function:NAME',
  /^arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?$/,
);
const roleArn = arnOf(
  'an IAM role, such as arn:aws:iam::123456789012:role/NAME',
  /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
);
const certificateArn = arnOf(
  'a certificate in ACM, such as arn:aws:acm:eu-west-1:123456789012:certificate/ID',
  /^arn:aws[\w-]*:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/,
);

/** Names as AWS IoT Core takes them. */
function nameOf(what: string, form: RegExp, characters: string) {
  return z.string().regex(form, { error: `the name of ${what}: ${characters}` });
}

const policyName = nameOf('a policy', /^[\w+=,.@-]{1,128}$/, '1 to 128 letters, digits and _+=,.@-');
const thingTypeName = nameOf('a thing type', /^[a-zA-Z0-9:_-]{1,128}$/, '1 to 128 letters, digits and :_-');
const authorizerName = nameOf('an authorizer', /^[\w=,@-]{1,128}$/, '1 to 128 letters, digits and _=,@-');
const ruleName = nameOf('a rule', /^[a-zA-Z0-9_]{1,128}$/, '1 to 128 letters, digits and underscores');
const domainConfigurationName = nameOf(
  'a domain configuration that does not begin with iot:',
  /^(?!iot)[\w.-]{1,128}$/i,
  '1 to 128 letters, digits and _.-',
);
const attributeName = nameOf(
  'a thing attribute',
  /^[a-zA-Z0-9_.,@/:#-]{1,128}$/,
  '1 to 128 letters, digits and _.,@/:#-',
);

const jitrSchema = z.strictObject({
  functionArn: functionArn.describe('The function that activates a certificate: src/aws/functions/activation-handler'),
  rule: z.exactOptional(ruleName).describe('The rule that calls it; absent: PREFIX_jitr_NAME'),
});

const jitpSchema = z.strictObject({
  roleArn: roleArn.describe('What AWS makes the thing with'),
  policy: z.exactOptional(policyName).describe('What its devices may do; absent: the first of policies'),
  template: z.exactOptional(filePath).describe('JSON file in place of the template that Crossfade writes'),
});

const authoritySchema = z.strictObject({
  name: z
    .exactOptional(
      z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, { error: '1 to 64 letters, digits, hyphens and underscores' }),
    )
    .describe('In plans and in names; absent: device-N and gateway'),
  cert: filePath.describe('PEM file: the CA that issues the certificates, not only its root'),
  mode: z
    .enum(['SNI_ONLY', 'DEFAULT'])
    .default('SNI_ONLY')
    .describe('DEFAULT: devices need no SNI, one account a region has the CA, and its key has to prove it'),
  key: z.exactOptional(filePath).describe('PEM file: its private key, for DEFAULT; only apply signs with it'),
  verificationCertificate: z
    .exactOptional(filePath)
    .describe('PEM file in place of the key: signed by the CA, its common name the registration code'),
  active: z.boolean().default(true).describe('Inactive: certificates that are registered go on, no new ones'),
  jitr: z.exactOptional(jitrSchema).describe('Certificates register themselves, a function activates them'),
  jitp: z.exactOptional(jitpSchema).describe('Certificates register themselves by a template'),
});

const policyFilter = z.string().superRefine((filter, context) => {
  const fault = policyFilterFault(filter);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

const policySchema = z.strictObject({
  name: z.exactOptional(policyName).describe('Absent: PREFIX-device'),
  connect: z
    .exactOptional(z.enum(['clientIdIsCommonName', 'clientIdBeginsWithCommonName', 'attachedThing']))
    .describe('Who connects as whom; absent: as fleet.clientIdPolicy says'),
  publish: z.exactOptional(z.array(policyFilter)).describe('Filters with {clientId}, {commonName}, {thingName}'),
  subscribe: z.exactOptional(z.array(policyFilter)).describe('Filters; what they match may be received'),
  retain: z.exactOptional(z.boolean()).describe('Publishes may be retained; absent: true'),
  document: z.exactOptional(filePath).describe('JSON file with a policy document, in place of all of these'),
});

const propagatedSchema = z.strictObject({
  attribute: z.exactOptional(attributeName).describe('An attribute of the thing'),
  connection: z.exactOptional(z.enum(['clientId', 'thingName'])).describe('Or what the connection tells'),
  as: z
    .string()
    .regex(/^[a-zA-Z0-9:$.]{1,128}$/, { error: '1 to 128 letters, digits and :$.' })
    .describe('The user property'),
});

const thingTypeSchema = z.strictObject({
  name: z.exactOptional(thingTypeName).describe('Absent: PREFIX-device'),
  description: z.exactOptional(z.string().max(2_028)),
  searchable: z.array(attributeName).max(3).default([]).describe('Attributes to find things by'),
  propagate: z.array(propagatedSchema).max(20).default([]).describe('Added to each message of a thing'),
});

const authorizerSchema = z.strictObject({
  name: authorizerName,
  functionArn,
  tokenKeyName: z
    .string()
    .regex(/^[\w-]{1,128}$/, { error: '1 to 128 letters, digits, hyphens and underscores' })
    .default('token'),
  publicKeys: z
    .exactOptional(
      z.record(z.string().regex(/^[\w:-]{1,128}$/, { error: '1 to 128 letters, digits and _:-' }), filePath),
    )
    .describe('PEM files of the keys that tokens are verified with; absent: tokens are not signed'),
  active: z.boolean().default(true),
});

const domainSchema = z.strictObject({
  name: z.exactOptional(domainConfigurationName).describe('Of the domain configuration; absent: PREFIX-DOMAIN'),
  domainName: z.exactOptional(domainName).describe('What devices call; absent: fleet.domain'),
  serverCertificateArn: certificateArn.describe('What AWS shows them'),
  validationCertificateArn: z
    .exactOptional(certificateArn)
    .describe('Public certificate that proves the domain, where the other is of a private CA'),
  tlsPolicy: z
    .string()
    .regex(/^IoTSecurityPolicy_\w{1,110}$/, { error: 'a TLS policy such as IoTSecurityPolicy_TLS13_1_2_2022_10' })
    .default(defaultTlsPolicy),
  authenticationType: z
    .enum(['AWS_X509', 'CUSTOM_AUTH', 'CUSTOM_AUTH_X509', 'AWS_SIGV4', 'DEFAULT'])
    .default('AWS_X509')
    .describe('Other than DEFAULT: devices need no ALPN'),
  applicationProtocol: z.enum(['SECURE_MQTT', 'MQTT_WSS', 'HTTPS', 'DEFAULT']).default('SECURE_MQTT'),
  clientCertificateFunctionArn: z
    .exactOptional(functionArn)
    .describe('Judges each client certificate: src/aws/functions/certificate-validation-handler'),
  authorizer: z.exactOptional(authorizerName).describe('The authorizer of devices that name none'),
  allowAuthorizerOverride: z.boolean().default(false).describe('Devices may name another'),
  ocspStapling: z
    .exactOptional(
      z.strictObject({ functionArn: z.exactOptional(functionArn), responderArn: z.exactOptional(certificateArn) }),
    )
    .describe('AWS staples an OCSP answer to the server certificate'),
});

const safetyNetSchema = z.strictObject({
  rule: z.exactOptional(ruleName).describe('Absent: PREFIX_safety_net'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: 'the name of an S3 bucket: 3 to 63 of a-z, 0-9, . and -' }),
  roleArn: roleArn.describe('May put objects into it'),
  filter: z
    .string()
    .regex(/^[^'\0]{1,256}$/, { error: "a topic filter without '" })
    .default('#'),
  key: z
    .string()
    .min(1)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a substitution template of AWS's rules engine
    .default('${topic()}/${timestamp()}-${newuuid()}')
    .describe('Of the object; written in the file with $$ in place of $'),
  active: z.boolean().default(true),
  errors: z
    .strictObject({
      logGroup: z.string().regex(/^[.\w/#-]{1,512}$/, { error: 'the name of a log group: letters, digits and ._/#-' }),
      roleArn: z.exactOptional(roleArn).describe('Absent: the one above'),
    })
    .describe('Where failures are written'),
});

const loggingSchema = z.strictObject({
  roleArn,
  level: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR', 'DISABLED']).default('ERROR'),
});

const sizeSchema = z.strictObject({
  devices: wholeNumber(0, 1_000_000_000).default(10_000_000),
  subscriptionsPerDevice: wholeNumber(0, 50).default(2),
  publishesPerHour: numberBetween(0, 360_000).default(12).describe('By one device'),
  deliveriesPerHour: numberBetween(0, 360_000).default(1).describe('To one device'),
});

const quota = z.exactOptional(wholeNumber(1, 10_000_000_000));

const quotasSchema = z
  .strictObject({
    connections: quota,
    connectsPerSecond: quota,
    registrationsPerSecond: quota,
    subscriptions: quota,
    subscriptionsPerSecond: quota,
    inboundPublishesPerSecond: quota,
    outboundPublishesPerSecond: quota,
  })
  .describe("The account's own; absent: AWS's defaults, not verified");

export const awsSchema = z
  .strictObject({
    region: z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, { error: 'a region such as eu-west-1' }),
    account: z
      .exactOptional(z.string().regex(/^\d{12}$/, { error: 'an account ID of 12 digits, in quotes' }))
      .describe('Nothing is changed in another account'),
    endpoint: z
      .exactOptional(z.url({ protocol: /^https?$/, error: 'a URL such as https://iot.eu-west-1.amazonaws.com' }))
      .describe("Of the control plane; absent: AWS's in the region"),
    prefix: z
      .string()
      .regex(/^[a-zA-Z][a-zA-Z0-9-]{0,31}$/, { error: '1 to 32 letters, digits and hyphens, a letter first' })
      .default('crossfade')
      .describe('What the names begin with; another for each fleet of an account'),
    deviceCas: z.array(authoritySchema).default([]).describe('The CAs that issued the certificates of the devices'),
    gatewayCa: z.exactOptional(authoritySchema).describe('The CA that the gateway mints with'),
    policies: z.array(policySchema).min(1).default([{}]).describe('Absent: one, for topics that name the device'),
    thingType: z.exactOptional(thingTypeSchema),
    authorizers: z.array(authorizerSchema).default([]),
    domain: z.exactOptional(domainSchema).describe("AWS answers to the fleet's own name"),
    safetyNet: z.exactOptional(safetyNetSchema).describe('A rule that keeps every message in S3'),
    logging: z.exactOptional(loggingSchema).describe('For the whole account'),
    size: sizeSchema.prefault({}).describe('What "aws status" reckons with'),
    quotas: quotasSchema.default({}),
  })
  .describe('What an AWS account has to have: "crossfade aws plan" and "crossfade aws apply"');
