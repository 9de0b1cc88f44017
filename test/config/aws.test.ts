import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readAwsDescription } from '../../src/config/aws-description.ts';
import { authorityWarnings } from '../../src/config/configuration-warnings.ts';
import { renderConfiguration } from '../../src/config/render-configuration.ts';
import { createFakeSource, pkiFiles } from './fake-source.ts';
import { changed, file, loadRight, mistakesOf } from './loading.ts';

/** The sample, its certificates beside it. */
const sample = readFileSync(new URL('../../config/aws.yaml', import.meta.url), 'utf8').replaceAll(
  '../certs/dev/',
  'certs/',
);

function rsaPublicKey(modulusLength: number): string {
  return generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
});
const files = {
  '/etc/crossfade/right.json': policy,
  '/etc/crossfade/long.json': JSON.stringify({ Version: '2012-10-17', Statement: [], Id: 'x'.repeat(2_048) }),
  '/etc/crossfade/broken.json': '{',
  '/etc/crossfade/strong.pem': rsaPublicKey(2_048),
  '/etc/crossfade/weak.pem': rsaPublicKey(1_024),
};

const gateway = 'gatewayCa:\n    cert: certs/gateway-ca.pem';
const authorizerFunction = 'function:crossfade-authorizer';
const rights = 'publish: ["dt/{clientId}/#"]\n      subscribe: ["cmd/{clientId}/#"]';
const arn = 'aws:lambda:eu-west-1:123456789012:function';

const rows: readonly (readonly [name: string, from: string, to: string, mistake: RegExp])[] = [
  [
    'DEFAULT without the key',
    gateway,
    `${gateway}\n    mode: DEFAULT`,
    /aws\.gatewayCa: expected key or verificationCertificate with mode DEFAULT.*got neither$/,
  ],
  [
    'a key without DEFAULT',
    gateway,
    `${gateway}\n    key: certs/gateway-ca.key`,
    /gatewayCa\.key: expected key only with mode DEFAULT, got it$/,
  ],
  [
    'the key of another CA',
    gateway,
    `${gateway}\n    mode: DEFAULT\n    key: certs/device-ca.key`,
    /gatewayCa\.key: expected the private key of the certificate in "certs\/gateway-ca\.pem"/,
  ],
  [
    'a proof by another CA',
    gateway,
    `${gateway}\n    mode: DEFAULT\n    verificationCertificate: certs/server.pem`,
    /verificationCertificate: expected a certificate signed by/,
  ],
  [
    'JITR and JITP',
    gateway,
    `${gateway}\n    jitp: { roleArn: "arn:aws:iam::123456789012:role/x" }`,
    /aws\.gatewayCa: expected jitr or jitp, got both/,
  ],
  [
    'a certificate that is no CA',
    gateway,
    'gatewayCa:\n    cert: certs/server.pem',
    /gatewayCa\.cert: expected a CA certificate \(basic constraints\)/,
  ],
  [
    'a file that is not there',
    gateway,
    'gatewayCa:\n    cert: certs/none.pem',
    /gatewayCa\.cert: expected a file that can be used, got "certs\/none\.pem": no such file/,
  ],
  [
    'one CA twice',
    gateway,
    'gatewayCa:\n    cert: certs/device-ca.pem',
    /gatewayCa\.cert: expected each CA once, got the one of devices again/,
  ],
  [
    'one name for two CAs',
    gateway,
    `gatewayCa:\n    name: devices\n    cert: certs/gateway-ca.pem`,
    /aws\.gatewayCa: expected a name for each CA, got devices again/,
  ],
  [
    'a policy that is too long',
    rights,
    'document: long.json',
    /policies\[0\]\.document: .*at most 2048 characters without white space, got \d+$/,
  ],
  [
    'rights that make too long a policy',
    rights,
    `publish: [${Array.from({ length: 20 }, (_, index) => `"a-rather-long-topic-${index}/#"`)}]`,
    /policies\[0\]: expected a policy document of at most 2048 characters/,
  ],
  [
    'a policy that is no JSON',
    rights,
    'document: broken.json',
    /policies\[0\]\.document: .*expected a policy document in JSON$/,
  ],
  [
    'a document beside rights',
    rights,
    `${rights}\n      document: right.json`,
    /policies\[0\]\.publish: expected publish or document, got both/,
  ],
  [
    'a name that a filter cannot have',
    '{clientId}/#"]\n      sub',
    '{client}/#"]\n      sub',
    /publish\[0\]: expected a filter with no other names than \{clientId\}, /,
  ],
  [
    'a filter with a wildcard of policies',
    'dt/{clientId}/#',
    'dt/*',
    /publish\[0\]: expected a topic filter without \*, \? and \$/,
  ],
  [
    'a policy name',
    'name: crossfade-device',
    'name: cross fade',
    /policies\[0\]\.name: expected the name of a policy: 1 to 128 /,
  ],
  [
    'a JITP policy that there is not',
    'jitp: { roleArn',
    'jitp: { policy: other, roleArn',
    /jitp\.policy: expected the name of a policy of aws\.policies \(crossfade-device\), got "other"/,
  ],
  [
    'something that is no ARN',
    'roleArn: arn:aws:iam::123456789012:role/crossfade-logging',
    'roleArn: crossfade-logging',
    /logging\.roleArn: expected the ARN of an IAM role/,
  ],
  [
    'an ARN of another region',
    `arn:${arn}:crossfade-authorizer`,
    'arn:aws:lambda:us-east-1:123456789012:function:x',
    /authorizers\[0\]\.functionArn: expected an ARN in aws\.region \(eu-west-1\)/,
  ],
  [
    'an ARN of another account',
    `arn:${arn}:crossfade-authorizer`,
    'arn:aws:lambda:eu-west-1:999999999999:function:x',
    /functionArn: expected an ARN in aws\.account \(123456789012\)/,
  ],
  [
    'a weak key for tokens',
    authorizerFunction,
    `${authorizerFunction}\n      publicKeys: { first: weak.pem }`,
    /publicKeys\.first: .*it has 1024 bits, fewer than 2048/,
  ],
  [
    'a private key for tokens',
    authorizerFunction,
    `${authorizerFunction}\n      publicKeys: { first: certs/gateway-ca.key }`,
    /publicKeys\.first: .*it is a private key/,
  ],
  [
    'an authorizer that there is not',
    'domain:\n',
    'domain:\n    authorizer: other\n',
    /domain\.authorizer: expected the name of one of aws\.authorizers \(crossfade-token\), got "other"/,
  ],
  [
    'custom authentication without an authorizer',
    'domain:\n',
    'domain:\n    authenticationType: CUSTOM_AUTH_X509\n',
    /aws\.domain: expected authorizer with authenticationType CUSTOM_AUTH_X509/,
  ],
  [
    'a pair that means nothing',
    'domain:\n',
    'domain:\n    applicationProtocol: MQTT_WSS\n',
    /aws\.domain: expected applicationProtocol SECURE_MQTT or HTTPS with authenticationType AWS_X509, got MQTT_WSS/,
  ],
  [
    'a domain configuration of AWS',
    'domain:\n',
    'domain:\n    name: iot:Data-ATS\n',
    /domain\.name: expected the name of a domain configuration/,
  ],
  [
    'an attribute and a connection',
    'attribute: site, as',
    'attribute: site, connection: clientId, as',
    /propagate\[0\]: expected attribute or connection, got both/,
  ],
  [
    'a rule with a hyphen',
    'safetyNet:\n',
    'safetyNet:\n    rule: safety-net\n',
    /safetyNet\.rule: expected the name of a rule/,
  ],
  [
    'one rule for two',
    'safetyNet:\n',
    'safetyNet:\n    rule: crossfade_jitr_gateway\n',
    /aws\.safetyNet: expected a name for each rule, got crossfade_jitr_gateway again/,
  ],
  [
    'an account without quotes',
    'account: "123456789012"',
    'account: 123456789012',
    /aws\.account: expected text, got 123456789012/,
  ],
  ['a key that there is not', '  region:', '  regoin: x\n  region:', /unknown key "regoin": did you mean "region"/],
];

for (const [name, from, to, mistake] of rows) {
  test(`the aws section has a mistake: ${name}`, () => {
    const mistakes = mistakesOf(changed(from, to, sample), { files });
    assert.equal(mistakes.length, 1, mistakes.join('\n'));
    assert.match(mistakes[0] ?? '', mistake);
  });
}

test('what is not mistaken: keys for tokens, a proof with its CA, a document', () => {
  const text = changed(authorizerFunction, `${authorizerFunction}\n      publicKeys: { first: strong.pem }`, sample);
  const proven = changed(gateway, `${gateway}\n    mode: DEFAULT\n    key: certs/gateway-ca.key`, text);
  loadRight(changed(rights, 'document: right.json', proven), { files });
});

function describe(text: string) {
  const { configuration } = loadRight(text, { files });
  assert.ok(configuration.aws);
  const source = createFakeSource({ ...pkiFiles('/etc/crossfade/certs'), ...files, [file]: text });
  const description = readAwsDescription(configuration, configuration.aws, source);
  assert.ok(description.ok);
  return description.value;
}

test('the description has every default filled in and every file read', () => {
  const { fleet, prefix, authorities, domain, safetyNet, thingType } = describe(sample);
  assert.deepEqual({ fleet, prefix }, { fleet: 'mqtt.example.com', prefix: 'crossfade' });
  assert.deepEqual(
    authorities.map(({ name, mode, registration }) => ({ name, mode, by: registration.by })),
    [
      { name: 'devices', mode: 'SNI_ONLY', by: 'template' },
      { name: 'gateway', mode: 'SNI_ONLY', by: 'function' },
    ],
  );
  assert.match(authorities[0]?.certificate ?? '', /^-----BEGIN CERTIFICATE-----/);
  assert.equal(domain?.name, 'crossfade-mqtt.example.com');
  assert.equal(safetyNet?.name, 'crossfade_safety_net');
  assert.equal(safetyNet?.key, ['$', '{topic()}/$', '{timestamp()}-$', '{newuuid()}'].join(''));
  assert.equal(thingType?.name, 'crossfade-device');
});

const withoutPolicies = changed(`  policies:\n    - name: crossfade-device\n      ${rights}\n`, '', sample);

for (const [clientIdPolicy, client, topic] of [
  ['equals-common-name', 'iot:Certificate.Subject.CommonName}', 'iot:ClientId}'],
  ['prefixed-by-common-name', 'iot:Certificate.Subject.CommonName}*', 'iot:ClientId}'],
  ['any', '*', 'iot:Connection.Thing.ThingName}'],
] as const) {
  test(`without policies there is one that lets a device be itself only: clientIdPolicy ${clientIdPolicy}`, () => {
    const text = withoutPolicies.replace('equals-common-name', clientIdPolicy);
    const [policyOfDevices] = describe(text).policies;
    const [connect, publish, subscribe] = JSON.parse(policyOfDevices?.document ?? '').Statement;
    assert.ok(connect.Resource.endsWith(client), connect.Resource);
    assert.equal(connect.Condition !== undefined, clientIdPolicy === 'any');
    assert.ok(publish.Resource.every((resource: string) => resource.includes(topic) && resource.includes('topic/dt/')));
    assert.ok(subscribe.Resource.every((resource: string) => resource.includes('topicfilter/cmd/')));
  });
}

test('a CA that has expired is warned about', () => {
  const { configuration } = loadRight(sample);
  const source = createFakeSource(pkiFiles('/etc/crossfade/certs'));
  const own = (nowMs: number) =>
    authorityWarnings(configuration, source, nowMs).filter((text) => text.startsWith('aws.'));
  assert.deepEqual(own(Date.now()), []);
  assert.deepEqual(
    own(Date.now() + 20 * 365 * 86_400_000).map((text) => text.replace(/ at .*: /, ' at …: ')),
    ['deviceCas[0]', 'gatewayCa'].map(
      (at) => `aws.${at}.cert: the CA expired at …: AWS IoT Core may refuse it and what it issued`,
    ),
  );
});

test('what check prints of the section loads again as the same, templates of AWS included', () => {
  const key = ['key: "$$', '{topic()}/x"'].join('');
  const { configuration } = loadRight(changed('safetyNet:\n', `safetyNet:\n    ${key}\n`, sample));
  assert.equal(configuration.aws?.safetyNet?.key, ['$', '{topic()}/x'].join(''));
  const again = loadRight(renderConfiguration(configuration).replaceAll('[hidden]', 'a-token-of-some-length'));
  assert.deepEqual(again.configuration.aws, configuration.aws);
});
