import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configurationJsonSchema } from '../../src/config/configuration-json-schema.ts';
import { renderMistakes } from '../../src/config/configuration-mistake.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { createFakeSource, exampleZone, pkiFiles } from './fake-source.ts';
import { file, load, token } from './loading.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const samples = readdirSync(resolve(root, 'config')).filter((name) => name.endsWith('.yaml'));

test('there are samples', () => {
  assert.ok(samples.includes('minimal.yaml') && samples.includes('crossfade.example.yaml'), samples.join(' '));
});

for (const name of samples) {
  test(`config/${name} loads without mistakes and warnings`, () => {
    const path = resolve(root, 'config', name);
    const files = { ...pkiFiles(resolve(root, 'certs/dev')), [path]: readFileSync(path) };
    const loaded = loadConfiguration(path, createFakeSource(files, { CROSSFADE_TOKEN: token }));
    assert.ok(loaded.ok, loaded.ok ? '' : renderMistakes(loaded.error));
    assert.deepEqual(loaded.value.warnings, []);
  });
}

test('what the example has in comments loads too', () => {
  const text = readFileSync(resolve(root, 'config/crossfade.example.yaml'), 'utf8').replaceAll(
    '../certs/dev/',
    'certs/',
  );
  const start = text.indexOf('# nameserver:');
  const all = text.slice(0, start) + text.slice(start).replaceAll(/^# ?/gm, '');
  const loaded = load(all, { files: { '/etc/crossfade/zones/mqtt.example.com.zone': exampleZone } });
  assert.ok(loaded.ok, loaded.ok ? '' : renderMistakes(loaded.error));
  const { configuration, warnings } = loaded.value;
  assert.deepEqual(warnings, [
    'bridge.rules: telemetry, billing carry the same messages twice where both match',
    'bridge.rules.commands.retained: aws does not show RETAIN of live messages: they are carried without it',
  ]);
  assert.equal(configuration.nameserver?.zones[0]?.steering.length, 2);
  assert.equal(configuration.bridge.rules.length, 3);
  assert.deepEqual(
    configuration.services.map(({ name, rule }) => [name, rule]),
    [['billing', 'billing']],
  );
  assert.equal(configuration.sites[0]?.probe?.tcp, 8883);
});

test('config/crossfade.schema.json is what `npm run schema` makes', () => {
  assert.equal(readFileSync(resolve(root, 'config/crossfade.schema.json'), 'utf8'), configurationJsonSchema());
});

const tokenSigningKey = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

for (const name of ['docs/configuration.md', 'docs/limits.md', 'README.md', 'docs/operations.md', 'docs/services.md']) {
  for (const { line, yaml, isWhole } of fencedYaml(name)) {
    test(`the YAML in ${name} at line ${line} loads`, () => {
      const loaded = load(isWhole ? yaml : withSections(yaml), {
        files: {
          // Some pieces stand for a file in config/, some for one beside its certificates.
          ...pkiFiles('/etc/certs/dev'),
          '/etc/crossfade/certs/token-signing.key': tokenSigningKey,
          '/etc/crossfade/zones/mqtt.example.com.zone': exampleZone,
          '/etc/crossfade/gen1.txt': 'meter-1\n',
        },
        variables: { CROSSFADE_METRICS_TOKEN: 'another-token-of-some-length' },
      });
      assert.ok(loaded.ok, loaded.ok ? '' : `${renderMistakes(loaded.error)} (in ${file})`);
    });
  }
}

/** Fenced YAML; a piece without `version` stands for its sections alone. */
function fencedYaml(name: string): { line: number; yaml: string; isWhole: boolean }[] {
  let text = '';
  try {
    text = readFileSync(resolve(root, name), 'utf8');
  } catch {
    return [];
  }
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => {
    const yaml = match[1] ?? '';
    return { line: text.slice(0, match.index).split('\n').length, yaml, isWhole: /^version:/m.test(yaml) };
  });
}

/** The piece's sections in place of the ones of a configuration that suits the documentation. */
function withSections(piece: string): string {
  const base: Record<string, string> = {
    version: 'version: 1',
    fleet: 'fleet: { domain: mqtt.example.com, identity: [certificate.commonName, mqtt.clientId], salt: s }',
    listeners:
      'listeners: [ { name: devices, bind: "127.0.0.1:0", tls: { certificates: [ { cert: certs/server.pem, key: certs/server.key } ], trustedCas: [certs/device-ca.pem] } } ]',
    brokers: 'brokers: { legacy: { url: mqtts://10.0.0.5 }, aws: { url: mqtts://10.0.0.6 } }',
    plan: 'plan: { default: legacy }',
    admin: 'admin: { tokens: [ { name: ops, role: operator, token: some-token-or-other } ] }',
  };
  const kept = Object.entries(base).filter(([section]) => !new RegExp(`^${section}:`, 'm').test(piece));
  return `${kept.map(([, text]) => text).join('\n')}\n${piece}`;
}
