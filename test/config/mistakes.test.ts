// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…}
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderMistakes } from '../../src/config/configuration-mistake.ts';
import { changed, load, minimal, mistakesOf, token } from './loading.ts';

/** `UPDATE_GOLDEN=1` writes the expected text anew; read the difference before you commit it. */
test('every mistake of a file is reported at once, in the order of the file', () => {
  const golden = new URL('golden/mistakes-everywhere.txt', import.meta.url);
  const loaded = load(readFileSync(new URL('golden/mistakes-everywhere.yaml', import.meta.url), 'utf8'));
  const text = loaded.ok ? 'no mistakes' : renderMistakes(loaded.error);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text);
  assert.equal(text, readFileSync(golden, 'utf8'));
});

interface Row {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly mistakes: readonly string[];
}

const rows: readonly Row[] = [
  {
    name: 'a required section is missing',
    before: 'admin:\n  tokens:\n    - { name: ops, role: operator, token: "${CROSSFADE_TOKEN}" }\n',
    after: '',
    mistakes: ['3:1 admin: expected a mapping, got nothing'],
  },
  {
    name: 'an unknown key with a near one',
    before: 'salt:',
    after: 'slat: x\n  salt:',
    mistakes: ['7:3 fleet.slat: unknown key "slat": did you mean "salt"'],
  },
  {
    name: 'a number where text is wanted',
    before: '"2026-fleet"',
    after: '2026',
    mistakes: ['7:9 fleet.salt: expected text, got 2026'],
  },
  {
    name: 'an empty token',
    before: '"${CROSSFADE_TOKEN}"',
    after: '""',
    mistakes: [
      '28:43 admin.tokens[0].token: expected a token of visible ASCII characters without spaces, not empty, got ""',
    ],
  },
  {
    name: 'a token that two people share',
    before: 'tokens:\n',
    after: 'tokens:\n    - { name: eve, role: viewer, token: a-token-of-some-length }\n',
    mistakes: [
      '29:43 admin.tokens[1].token: expected a token value that is used once, got what "${CROSSFADE_TOKEN}" stands for again (first at admin.tokens[0].token)',
    ],
  },
  {
    name: 'a version that there is not',
    before: '    tls: { ca: certs/legacy-ca.pem }',
    after: '    versions: [3.1.1, 5.0, 4]\n    tls: { ca: certs/legacy-ca.pem }',
    mistakes: ['18:28 brokers.legacy.versions[2]: expected one of 3.1, 3.1.1, 5, got 4'],
  },
  {
    name: 'a version twice',
    before: '    tls: { ca: certs/legacy-ca.pem }',
    after: '    versions: [3.1.1, 5, "5"]\n    tls: { ca: certs/legacy-ca.pem }',
    mistakes: ['18:26 brokers.legacy.versions[2]: expected every version once, got "5"'],
  },
  {
    name: 'messages that are dropped without a record',
    before: '    tls: { ca: certs/legacy-ca.pem }',
    after: '    undeliverable: acknowledge\n    tls: { ca: certs/legacy-ca.pem }',
    mistakes: [
      '17:5 brokers.legacy: expected undeliverableRecord (a file for what is dropped) with undeliverable: acknowledge, got nothing',
    ],
  },
  {
    name: 'a record of nothing',
    before: '    tls: { ca: certs/legacy-ca.pem }',
    after: '    undeliverableRecord: dropped.ndjson\n    tls: { ca: certs/legacy-ca.pem }',
    mistakes: [
      '18:26 brokers.legacy.undeliverableRecord: expected undeliverableRecord only with undeliverable: acknowledge, got it without',
    ],
  },
  {
    name: 'plain HTTP off loopback',
    before: 'admin:',
    after: 'admin:\n  bind: "[::]:9440"',
    mistakes: [
      '27:9 admin.bind: expected a loopback address (127.0.0.1 or [::1]), or a tls block for HTTPS beside it, got "[::]:9440"',
    ],
  },
  {
    name: 'plain HTTP of the bridge off loopback',
    before: 'admin:',
    after: 'bridge:\n  admin: "[::]:9441"\nadmin:',
    mistakes: [
      '27:10 bridge.admin: expected a loopback address (127.0.0.1 or [::1]), or a tls block for HTTPS in admin.tls, got "[::]:9441"',
    ],
  },
  {
    name: 'one address twice',
    before: 'brokers:',
    after: '  - { name: more, bind: "0.0.0.0:8883" }\nbrokers:',
    mistakes: [
      '15:25 listeners[1].bind: expected a bind address that is used once, got "0.0.0.0:8883" again (first at listeners[0].bind)',
    ],
  },
  {
    name: 'no CA to judge device certificates by',
    before: '      trustedCas: [certs/device-ca.pem]\n',
    after: '',
    mistakes: [
      '11:5 listeners[0].tls.trustedCas: expected at least one CA file where clientCertificates is required, got none',
    ],
  },
  {
    name: 'none: an identity that vouches where certificates are required',
    before: 'tls: { ca: certs/legacy-ca.pem }\nplan:',
    after:
      'tls: { ca: certs/legacy-ca.pem }\n    identity: { mode: gateway-certificate, cert: certs/gateway.pem, key: certs/gateway.key }\nplan:',
    mistakes: [],
  },
  {
    name: 'registration on sight without an account, and the terms of a first contact where there is none',
    before: 'tls: { ca: certs/legacy-ca.pem }\nplan:',
    after:
      'tls: { ca: certs/legacy-ca.pem }\n    identity: { mode: gateway-certificate, cert: certs/gateway.pem, key: certs/gateway.key, register: on-sight, firstContact: {} }\nplan:',
    mistakes: [
      '22:103 brokers.successor.identity.register: expected register only with device-certificate, got it with gateway-certificate',
      '22:103 brokers.successor.identity.register: expected an aws section beside on-sight, got none',
      '22:127 brokers.successor.identity.firstContact: expected firstContact only with device-certificate or custom-authorizer, got it with gateway-certificate',
    ],
  },
  {
    name: 'custom-authorizer without its authorizer, and a CA that it has no use for',
    before: 'tls: { ca: certs/legacy-ca.pem }\nplan:',
    after:
      'tls: { ca: certs/legacy-ca.pem }\n    identity: { mode: custom-authorizer, ca: { cert: certs/gateway.pem, key: certs/gateway.key } }\nplan:',
    mistakes: [
      '22:15 brokers.successor.identity: expected authorizer (name and key of the authorizer) for custom-authorizer, got nothing',
      '22:46 brokers.successor.identity.ca: expected ca only with device-certificate, got it with custom-authorizer',
      '22:54 brokers.successor.identity.ca.cert: expected a CA with an RSA key, because AWS IoT Core knows a certificate by its hash, got an ECDSA key, whose signatures differ each time',
      '22:54 brokers.successor.identity.ca.cert: expected a CA certificate, got one that is not (basic constraints)',
    ],
  },
  {
    name: 'device-certificate with a CA that cannot mint, too short a secret, and a certificate of the gateway',
    before: 'tls: { ca: certs/legacy-ca.pem }\nplan:',
    after:
      'tls: { ca: certs/legacy-ca.pem }\n    identity: { mode: device-certificate, ca: { cert: certs/gateway.pem, key: certs/gateway-ca.key }, certificates: { epochDays: 30, secret: hush }, cert: certs/gateway.pem, key: certs/gateway.key }\nplan:',
    mistakes: [
      '22:55 brokers.successor.identity.ca.cert: expected a CA with an RSA key, because AWS IoT Core knows a certificate by its hash, got an ECDSA key, whose signatures differ each time',
      '22:55 brokers.successor.identity.ca.cert: expected a CA certificate, got one that is not (basic constraints)',
      '22:79 brokers.successor.identity.ca.key: expected the private key of the certificate in "certs/gateway.pem", got "certs/gateway-ca.key"',
      '22:130 brokers.successor.identity.certificates.epochDays: expected a whole number from 90 to 3650, got 30',
      '22:142 brokers.successor.identity.certificates.secret: expected at least 32 characters, got a hidden value',
      '22:156 brokers.successor.identity.cert: expected cert only where devices have none of their own, got it',
    ],
  },
  {
    name: 'registration on sight without an account',
    before: 'tls: { ca: certs/legacy-ca.pem }\nplan:',
    after:
      'tls: { ca: certs/legacy-ca.pem }\n    identity: { mode: device-certificate, ca: { cert: certs/gateway-ca.pem, key: certs/gateway-ca.key }, register: on-sight }\nplan:',
    mistakes: ['22:116 brokers.successor.identity.register: expected an aws section beside on-sight, got none'],
  },
  {
    name: 'a token over plain MQTT, signed by no RSA key',
    before: 'mqtts://10.0.1.5:8883',
    after:
      'mqtt://10.0.1.5:1883\n    identity: { mode: custom-authorizer, authorizer: { name: "a b", key: certs/gateway.key } }',
    mistakes: [
      '20:10 brokers.successor.url: expected mqtts:// where a token vouches for a device, got "mqtt://10.0.1.5:1883"',
      '21:62 brokers.successor.identity.authorizer.name: expected the name of an authorizer: 1 to 128 letters, digits and _=,@-, got "a b"',
      '21:74 brokers.successor.identity.authorizer.key: expected an RSA key of 2048 bits or more to sign tokens with, got ec',
    ],
  },
  {
    name: 'gateway-certificate without its files',
    before: 'tls: { ca: certs/legacy-ca.pem }\nplan:',
    after: 'tls: { ca: certs/legacy-ca.pem }\n    identity: { mode: gateway-certificate }\nplan:',
    mistakes: [
      '22:15 brokers.successor.identity: expected key for gateway-certificate, got nothing',
      '22:15 brokers.successor.identity: expected cert for gateway-certificate, got nothing',
    ],
  },
  {
    name: 'a client certificate on a plain leg',
    before: 'url: mqtts://10.0.1.5:8883\n    tls: { ca: certs/legacy-ca.pem }',
    after: 'url: mqtt://10.0.1.5\n    identity: { cert: certs/gateway.pem, key: certs/gateway.key }',
    mistakes: [
      '20:10 brokers.successor.url: expected mqtts:// where a client certificate is presented, got "mqtt://10.0.1.5"',
    ],
  },
  {
    name: 'an override that no fingerprint can match',
    before: '  cohorts:',
    after: '  overrides: [ { kind: fingerprint, key: "AA:BB", broker: legacy } ]\n  cohorts:',
    mistakes: [
      '24:42 plan.overrides[0].key: expected a fingerprint of 64 lower-case hex digits without colons, got "AA:BB"',
    ],
  },
  {
    name: 'a device name whose label is not what devices are hashed by',
    before: 'admin:',
    after:
      'nameserver:\n  bind: ["127.0.0.1:0"]\n  zones: [ { origin: example.com, file: certs/ticket.secret, steering: [ { owner: "*.d", by: cohort, label: cn, source: { addresses: [192.0.2.1] }, target: { alias: a.example } } ] } ]\nadmin:',
    mistakes: [
      '28:109 nameserver.zones[0].steering[0].label: expected clientid, the first of fleet.identity (mqtt.clientId), got "cn"',
    ],
  },
  {
    name: 'aliases that lead to names that are steered here',
    before: 'admin:',
    after: `nameserver:
  bind: ["127.0.0.1:0"]
  zones:
    - origin: Example.com
      file: certs/ticket.secret
      steering:
        - owner: "@"
          by: split
          split: front
          parts:
            own: { alias: example.COM. }
            static: { alias: legacy.example.com }
            far: { alias: other.example }
        - { owner: "*.d", by: cohort, label: clientid, source: { alias: x.y.d.example.com }, target: { alias: d.example.com } }
admin:`,
    mistakes: [
      '36:27 nameserver.zones[0].steering[0].parts.own.alias: expected a name whose addresses come from elsewhere: example.com is steered here, got "example.COM."',
      '39:73 nameserver.zones[0].steering[1].source.alias: expected a name whose addresses come from elsewhere: *.d.example.com is steered here, got "x.y.d.example.com"',
    ],
  },
  {
    name: 'parts whose order, bypass and addresses cannot be as written',
    before: 'admin:',
    after: `nameserver:
  bind: ["127.0.0.1:0"]
  zones:
    - origin: example.com
      file: certs/ticket.secret
      steering:
        - owner: "@"
          by: split
          split: front
          parts:
            gateway: { sites: all }
            bypass: { sites: all, allDown: answer-all }
            "2": { addresses: [192.0.2.1] }
            nowhere: { addresses: ["::", 224.0.0.1, 192.0.2.1] }
sites: [{ name: a, addresses: [0.0.0.0] }]
admin:`,
    mistakes: [
      '36:22 nameserver.zones[0].steering[0].parts.gateway: expected a part named bypass with addresses or an alias (or allDown: answer-all), got sites',
      '38:13 nameserver.zones[0].steering[0].parts.2: expected a name of a part that is no number, got "2"',
      '39:36 nameserver.zones[0].steering[0].parts.nowhere.addresses[0]: expected an address of one host (not unspecified, broadcast or multicast), got "::"',
      '39:42 nameserver.zones[0].steering[0].parts.nowhere.addresses[1]: expected an address of one host (not unspecified, broadcast or multicast), got "224.0.0.1"',
      '40:32 sites[0].addresses[0]: expected an address of one host (not unspecified, broadcast or multicast), got "0.0.0.0"',
    ],
  },
];

for (const { name, before, after, mistakes } of rows) {
  test(`a mistake and its place: ${name}`, () => {
    const loaded = load(changed(before, after));
    assert.deepEqual(loaded.ok ? [] : mistakesOf(changed(before, after)), mistakes);
  });
}

test('vouching for unverified devices is refused unless it is spelled out', () => {
  const identity = 'identity: { mode: gateway-certificate, cert: certs/gateway.pem, key: certs/gateway.key';
  const open = changed('brokers:', '  - { name: plant-floor, bind: "127.0.0.1:1883" }\nbrokers:');
  const vouching = changed('\nplan:', `\n    ${identity} }\nplan:`, open);
  assert.deepEqual(mistakesOf(vouching), [
    '23:23 brokers.successor.identity.mode: expected every listener to have clientCertificates: required where ' +
      '"gateway-certificate" vouches for its devices, or vouchUnverified: true spelled out here; got other listeners: "plant-floor"',
  ]);
  assert.equal(load(changed('gateway.key }', 'gateway.key, vouchUnverified: true }', vouching)).ok, true);
});

test('secrets never stand in a mistake', () => {
  const secret = 'hunter2 is secret';
  const texts = [
    changed('"${CROSSFADE_TOKEN}"', JSON.stringify(secret)),
    changed('"${CROSSFADE_TOKEN}"', `{ a: ${JSON.stringify(secret)} }`),
    changed('- { name: ops, role: operator, token: "${CROSSFADE_TOKEN}" }', `- ${JSON.stringify(secret)}`),
    changed('salt: "2026-fleet"', 'salt: "${SECRET}/"'),
    changed('bind: "0.0.0.0:8883"', 'bind: "${SECRET}"'),
    changed('certs/server.pem', '"${SECRET}"'),
    changed('default: legacy', 'default: "${SECRET}"'),
    changed('mqtts://10.0.0.5:8883', `"mqtts://user:${secret}@10.0.0.5"`),
    changed('role: operator', 'role: "${SECRET}"'),
  ];
  for (const text of texts) {
    const shown = mistakesOf(text, { variables: { SECRET: secret, CROSSFADE_TOKEN: token } }).join('\n');
    assert.equal(shown.includes(secret), false, shown);
    assert.equal(shown.includes(token), false, shown);
  }
});

test('a file that is missing or unreadable is one mistake', () => {
  assert.deepEqual(mistakesOf(new Uint8Array(1_048_577)), [
    '1:1 expected a readable file: it is larger than 1048576 bytes',
  ]);
  assert.deepEqual(mistakesOf(new Uint8Array([0xff, 0xfe])), ['1:1 expected a readable file: it is not UTF-8 text']);
  assert.deepEqual(mistakesOf(''), ['1:1 expected a mapping, got nothing (an empty value)']);
  assert.equal(load(minimal).ok, true);
});
