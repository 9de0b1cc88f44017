// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…}
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { authorityWarnings } from '../../src/config/configuration-warnings.ts';
import { renderConfiguration } from '../../src/config/render-configuration.ts';
import { createFakeSource, pkiFiles } from './fake-source.ts';
import { changed, load, loadRight, minimal, mistakesOf, token } from './loading.ts';

test('defaults are filled in, paths are absolute, salt and identity of the plan are the fleet’s', () => {
  const { configuration, warnings } = loadRight(minimal);
  assert.deepEqual(warnings, []);
  assert.deepEqual(configuration.store, { kind: 'sqlite', path: '/etc/crossfade/var/crossfade.db', create: true });
  assert.equal(configuration.fleet.clientIdPolicy, 'any');
  assert.equal(configuration.workers, 1);
  assert.equal(configuration.admin.bind.host, '127.0.0.1');
  assert.deepEqual(configuration.listeners[0]?.tls?.alpn, ['x-amzn-mqtt-ca', 'mqtt']);
  assert.equal(configuration.listeners[0]?.maxPacketBytes, 268_435_460);
  assert.deepEqual(configuration.plan, {
    default: 'legacy',
    salt: '2026-fleet',
    identity: ['mqtt.clientId'],
    overrides: [],
    cohorts: [
      {
        name: 'everyone',
        match: { all: true },
        source: 'legacy',
        target: 'successor',
        weightBps: 0,
        announce: 'source',
      },
    ],
    splits: [],
  });
  assert.deepEqual(configuration.brokers['legacy'], {
    name: 'legacy',
    endpoints: [{ host: '10.0.0.5', port: 8883, tls: true }],
    profile: 'mqtt',
    versions: ['3.1.1', '5', '3.1'],
    undeliverable: 'refuse',
    sendProxyProtocol: false,
    onDown: 'hold',
    tls: { ca: '/etc/crossfade/certs/legacy-ca.pem' },
    identity: { mode: 'forward', vouchUnverified: false },
  });
});

test('versions and undeliverable messages of a broker are the profile’s and refused, unless the file says otherwise', () => {
  const tls = '    tls: { ca: certs/legacy-ca.pem }';
  const keys = ['versions: [3.1, "5"]', 'undeliverable: acknowledge', 'undeliverableRecord: var/dropped.ndjson'];
  const legacy = loadRight(changed(tls, [...keys.map((key) => `    ${key}`), tls].join('\n'))).configuration.brokers[
    'legacy'
  ];
  assert.deepEqual(legacy?.versions, ['3.1', '5']);
  assert.equal(legacy?.undeliverable, 'acknowledge');
  assert.equal(legacy?.undeliverableRecord, '/etc/crossfade/var/dropped.ndjson');
});

test('the configuration is frozen to its leaves', () => {
  const { configuration } = loadRight(minimal);
  assert.throws(() => Object.assign(configuration.plan.cohorts[0] ?? {}, { weightBps: 1 }), TypeError);
  assert.throws(() => Object.assign(configuration.limits, { drainMs: 1 }), TypeError);
});

test('workers: auto is one per core', () => {
  assert.equal(loadRight(changed('version: 1', 'version: 1\nworkers: auto')).configuration.workers, 3);
});

test('rules of the bridge that carry something twice, back, or without what they are asked for are warned about', () => {
  const rules = [
    '{ name: all, from: legacy, to: successor, filter: "dt/#" }',
    '{ name: some, from: legacy, to: successor, filter: "dt/+/x" }',
    '{ name: back, from: successor, to: legacy, filter: "x/#", addPrefix: "dt/", retained: asIs }',
  ].join(', ');
  const connections = '{ successor: { version: 3.1.1, username: bridge, password: "bridge secret" } }';
  const text = changed('version: 1', `version: 1\nbridge: { rules: [ ${rules} ], connections: ${connections} }`);
  const { warnings, configuration } = loadRight(text);
  assert.deepEqual(warnings, [
    'bridge.rules: what back publishes is in the range of all, and is not carried on',
    'bridge.rules: what back publishes is in the range of some, and is not carried on',
    'bridge.rules: all, some carry the same messages twice where both match',
    'bridge.rules.back.retained: successor does not show RETAIN of live messages: they are carried without it',
  ]);
  assert.ok(!renderConfiguration(configuration).includes('bridge secret'));
});

test('rules that come round over a broker without marks are a mistake, unless fingerprints are asked for', () => {
  const rules =
    '[ { name: up, from: legacy, to: successor, filter: "dt/#" }, { name: down, from: successor, to: legacy, filter: "#" } ]';
  const withBridge = (more: string) => changed('version: 1', `version: 1\nbridge: { rules: ${rules}${more} }`);
  const loaded = load(withBridge(', connections: { legacy: { version: 3.1.1 } }'));
  assert.deepEqual(loaded.ok ? [] : loaded.error.map(({ path, message }) => `${path}: ${message}`), [
    'bridge.rules[0].filter: expected ranges that do not come round (up → down → up) over a broker without MQTT 5 (legacy), or loopGuard: fingerprints, got "dt/#"',
  ]);
  const warning =
    'bridge.rules: the ranges of up, down come round; messages are kept from it by their marks or fingerprints';
  assert.deepEqual(loadRight(withBridge('')).warnings, [warning]);
  const fingerprints = ', connections: { legacy: { version: 3.1.1 } }, loopGuard: fingerprints';
  assert.deepEqual(loadRight(withBridge(fingerprints)).warnings, [warning]);
});

test('what is allowed and dangerous is warned about', () => {
  const old = changed('trustedCas:', 'minVersion: TLSv1\n      clientCertificates: observe\n      trustedCas:');
  const plain = changed('url: mqtts://10.0.1.5:8883', 'url: mqtt://10.0.1.5', old);
  const { warnings } = loadRight(changed('"${CROSSFADE_TOKEN}"', 'short', plain));
  assert.deepEqual(
    warnings.map((warning) => warning.slice(0, warning.indexOf(':'))),
    [
      'listeners.devices.tls.minVersion',
      'listeners.devices.tls.clientCertificates',
      'brokers.successor',
      'brokers.successor.tls',
      'admin.tokens',
    ],
  );
});

test('a part of a split whose sites all have weight 0 is warned about', () => {
  const steering = '{ owner: "@", by: split, split: front, parts: { g: { sites: all, allDown: answer-all } } }';
  const zone = `{ origin: example.com, file: zone, steering: [${steering}] }`;
  const sites = (weight: number) =>
    changed(
      'admin:',
      `nameserver: { bind: ["127.0.0.1:0"], zones: [${zone}] }
sites: [{ name: a, addresses: [192.0.2.1], weight: 0 }, { name: b, addresses: [192.0.2.2], weight: ${weight} }]
admin:`,
    );
  const world = { files: { '/etc/crossfade/zone': '$TTL 1\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n' } };
  assert.deepEqual(loadRight(sites(1), world).warnings, []);
  assert.deepEqual(loadRight(sites(0), world).warnings, [
    'sites: part "g" of front has no site with a weight above 0: it is answered with all of them',
  ]);
});

const secrets = ['ticket-secret-value', 'metrics-token-value', token];

const withSecrets = changed(
  'admin:',
  'admin:\n  metricsToken: metrics-token-value',
  changed('trustedCas:', 'ticketSecret: ticket-secret-value\n      trustedCas:'),
);

test('what check prints has no secret in it', () => {
  for (const format of ['yaml', 'json'] as const) {
    const text = renderConfiguration(loadRight(withSecrets).configuration, format);
    for (const secret of secrets) assert.equal(text.includes(secret), false, secret);
    assert.equal(text.match(/\[hidden\]/g)?.length, 3);
  }
});

test('the secret of devices is hidden, and what was left out is spelled out', () => {
  const secret = 'a secret that is not for everybody';
  const ca = 'ca: { cert: certs/gateway-ca.pem, key: certs/gateway-ca.key }';
  const identity = `identity: { mode: device-certificate, ${ca}, certificates: { secret: ${secret} } }`;
  const { configuration } = loadRight(changed('mqtts://10.0.1.5:8883', `mqtts://10.0.1.5:8883\n    ${identity}`));
  const { certificates } = configuration.brokers['successor']?.identity ?? {};
  assert.deepEqual(certificates, { epochDays: 180, alternativeNames: [], secret });
  const text = renderConfiguration(configuration);
  assert.equal(text.includes(secret), false);
  assert.match(text, /secret: "\[hidden\]"/);
});

test('where each device has an identity of its own, what binds it to nothing is warned about', () => {
  const ca = 'ca: { cert: certs/gateway-ca.pem, key: certs/gateway-ca.key }';
  const identity = `identity: { mode: device-certificate, ${ca} }`;
  const vouched = changed('mqtts://10.0.1.5:8883', `mqtts://10.0.1.5:8883\n    ${identity}`);
  const posing = (names: string, clientIdPolicy: string) =>
    loadRight(
      vouched.replace(/^ {2}identity: .*$/m, `  identity: [${names}]\n  clientIdPolicy: ${clientIdPolicy}`),
    ).warnings.filter((warning) => warning.includes('a device can pose as another at successor'));
  const starts = (warnings: readonly string[]) => warnings.map((warning) => warning.split(':')[0]);
  assert.deepEqual(posing('certificate.commonName', 'equals-common-name'), []);
  assert.deepEqual(starts(posing('certificate.commonName', 'any')), ['fleet.clientIdPolicy']);
  const named = posing('certificate.commonName, mqtt.username', 'equals-common-name');
  assert.deepEqual(starts(named), ['fleet.identity']);
});

test('a CA that mints and has expired, and an address where AWS IoT Core wants a name, are warned about', () => {
  const ca = 'ca: { cert: certs/gateway-ca.pem, key: certs/gateway-ca.key }';
  const identity = `profile: aws-iot-core\n    identity: { mode: device-certificate, ${ca} }`;
  const text = changed('mqtts://10.0.1.5:8883', `mqtts://10.0.1.5:8883\n    ${identity}`);
  const { configuration, warnings } = loadRight(text);
  assert.ok(
    warnings.some((warning) => warning.startsWith('brokers.successor.tls.servername: an endpoint is an address')),
  );
  const source = createFakeSource(pkiFiles('/etc/crossfade/certs'), {});
  assert.deepEqual(authorityWarnings(configuration, source, Date.now()), []);
  const inTwentyYears = Date.now() + 20 * 365 * 86_400_000;
  assert.match(
    authorityWarnings(configuration, source, inTwentyYears).join(),
    /^brokers\.successor\.identity\.ca\.cert: the certificate of the CA that mints expired at .*; no device gets to successor$/,
  );
});

test('what check prints loads again as the same configuration, secrets apart', () => {
  const full = changed(
    '    bind: "0.0.0.0:8883"',
    '    bind: "[::1]:8883"\n    proxyProtocol: { from: [10.0.0.0/8, "2001:db8::1"] }',
    withSecrets,
  );
  const text = changed('url: mqtts://10.0.1.5:8883', 'url: "mqtts://[2001:db8::5]"', full);
  const { configuration } = loadRight(text);
  let number = 0;
  const again = load(renderConfiguration(configuration).replace(/\[hidden\]/g, () => `secret-number-${++number}`));
  assert.ok(again.ok);
  const reveal = { configuration, again: again.value.configuration };
  assert.deepEqual(
    parse(renderConfiguration(reveal.again)),
    JSON.parse(renderConfiguration(reveal.configuration, 'json')),
  );
  assert.deepEqual(reveal.again.plan, configuration.plan);
  assert.deepEqual(reveal.again.brokers, configuration.brokers);
});

test('handover has its defaults, and a profile’s settle time unless the file says one', () => {
  const defaults = {
    overlapMs: 1_500,
    bridgeWaitMs: 60_000,
    rollbackWindowMs: 900_000,
    abortPercent: 2,
    attemptMs: 60_000,
  };
  assert.deepEqual(loadRight(minimal).configuration.handover, defaults);
  const written = loadRight(
    changed('version: 1', 'version: 1\nhandover: { settleMs: 0, overlapMs: 0, abortPercent: 0.5 }'),
  );
  const { handover } = written.configuration;
  assert.deepEqual(handover, { ...defaults, settleMs: 0, overlapMs: 0, abortPercent: 0.5 });
  assert.deepEqual(mistakesOf(changed('version: 1', 'version: 1\nhandover: { abortPercent: 101, attemptMs: 999 }')), [
    '4:27 handover.abortPercent: expected a number from 0 to 100, got 101',
    '4:43 handover.attemptMs: expected a whole number from 1000 to 3600000, got 999',
  ]);
});

test('a zone with mistakes is a mistake of the configuration, with file and line', () => {
  const nameserver = 'nameserver: { bind: ["[::1]:0"], zones: [ { origin: a.example, file: certs/ticket.secret } ] }';
  const mistakes = mistakesOf(changed('version: 1', `version: 1\n${nameserver}`));
  assert.ok(mistakes.length > 0);
  for (const mistake of mistakes) {
    assert.match(mistake, /nameserver\.zones\[0\]\.file: expected a zone without mistakes, got .*ticket\.secret:\d+: /);
  }
});

test('names of devices need a wildcard', () => {
  const steering =
    '[ { owner: d, by: cohort, label: cn, source: { addresses: [192.0.2.1] }, target: { addresses: [192.0.2.2] } } ]';
  const nameserver = `nameserver: { bind: ["[::1]:0"], zones: [ { origin: a.example, file: certs/ticket.secret, steering: ${steering} } ] }`;
  const mistakes = mistakesOf(changed('version: 1', `version: 1\n${nameserver}`));
  assert.ok(
    mistakes.some((mistake) => /owner: expected "\*" or "\*\.label"/.test(mistake)),
    mistakes.join('\n'),
  );
});
