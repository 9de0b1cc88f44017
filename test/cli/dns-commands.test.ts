import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runServer, tokenByRole } from '../admin/running-server.ts';
import { makeDirectory, runInProcess } from './spawned-cli.ts';

// RFC 6605 section 6.1.
const privateKey = `Private-key-format: v1.2
Algorithm: 13 (ECDSAP256SHA256)
PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=
`;
const publicKey =
  'example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n';
const dsData = '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17';
const zoneText = '$TTL 300\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n';

/** A configuration with `example.net`, signed, and `plain.example`, which is not. */
async function configure(context: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const directory = await makeDirectory(context);
  const all = { 'net.zone': zoneText, 'K.private': privateKey, 'K.key': publicKey, ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(join(directory, name), text);
  const zones = [
    { origin: 'example.net', file: 'net.zone', dnssec: { keys: ['K.private'] } },
    { origin: 'plain.example', file: 'net.zone' },
  ];
  const path = join(directory, 'crossfade.yaml');
  const configuration = {
    version: 1,
    fleet: { domain: 'mqtt.example.net', identity: ['mqtt.clientId'], salt: 'ds' },
    listeners: [{ name: 'plain', bind: '127.0.0.1:0' }],
    brokers: { legacy: { url: 'mqtt://127.0.0.1:1' } },
    plan: { default: 'legacy', cohorts: [] },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'ops', role: 'admin', token: 'token-of-the-ds-tests' }] },
    nameserver: { bind: ['127.0.0.1:0'], zones },
  };
  await writeFile(path, JSON.stringify(configuration, null, 2));
  return path;
}

test('dns ds prints what the parent zone needs, without a gateway', async (context) => {
  const config = await configure(context);
  const { code, stdout, stderr } = await runInProcess(['dns', 'ds', 'Example.NET.', '--config', config]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const [, dnskey] = publicKey.trimEnd().split(' DNSKEY ');
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    `example.net. IN DS ${dsData}`,
    `; example.net. IN CDS ${dsData}`,
    `; example.net. IN CDNSKEY ${dnskey}`,
  ]);
  const json = await runInProcess(['dns', 'ds', '--config', config, '--json']);
  assert.deepEqual(JSON.parse(json.stdout), [
    {
      zone: 'example.net.',
      ds: [`example.net. IN DS ${dsData}`],
      cds: [`example.net. IN CDS ${dsData}`],
      cdnskey: [`example.net. IN CDNSKEY ${dnskey}`],
    },
  ]);
});

test('dns ds shows the CDS that the zone file has instead', async (context) => {
  const config = await configure(context, { 'net.zone': `${zoneText}@ CDS 0 0 0 00\n` });
  const { stdout } = await runInProcess(['dns', 'ds', 'example.net', '--config', config]);
  assert.deepEqual(stdout.trimEnd().split('\n'), [`example.net. IN DS ${dsData}`, '; example.net. IN CDS 0 0 0 00']);
});

test('dns ds says which zones there are, and which is not signed', async (context) => {
  const config = await configure(context);
  const unknown = await runInProcess(['dns', 'ds', 'example.org', '--config', config]);
  assert.equal(unknown.code, 64);
  assert.match(
    unknown.stderr,
    /expected a zone of the configuration \(example\.net, plain\.example\), got "example\.org"/,
  );
  const unsigned = await runInProcess(['dns', 'ds', 'plain.example', '--config', config]);
  assert.equal(unsigned.code, 1);
  assert.match(unsigned.stderr, /plain\.example is not signed/);
});

test('check tells mistakes of zone files and of key files, each with its place, and nothing of a key', async (context) => {
  const files = { 'net.zone': `${zoneText}bad A 300.0.0.1\n`, 'K.private': privateKey.replace('13 (', '8 (') };
  const config = await configure(context, files);
  const { code, stderr } = await runInProcess(['check', '--config', config]);
  assert.equal(code, 64);
  assert.match(
    stderr,
    /nameserver\.zones\[0\]\.file: expected a zone without mistakes, got \S*net\.zone:5: A: expected/,
  );
  assert.match(
    stderr,
    /crossfade\.yaml:\d+:\d+ nameserver\.zones\[0\]\.dnssec\.keys: expected keys that can sign, got \S*K\.private: expected the algorithm 13/,
  );
  assert.match(stderr, /nameserver\.zones\[1\]\.file: .*net\.zone:5/);
  assert.doesNotMatch(stderr, /GU6S/);
});

test('check refuses an alias that leads back to a steered name, and tells warnings of zone files', async (context) => {
  const config = await configure(context, { 'net.zone': `${zoneText}edge CNAME front\nmail MX 1 nowhere\n` });
  const configuration = JSON.parse(await readFile(config, 'utf8'));
  const warned = await runInProcess(['check', '--config', config]);
  assert.equal(warned.code, 0);
  assert.match(warned.stderr, /warning: \S*net\.zone:6: expected A or AAAA of nowhere\.example\.net\./);
  const parts = { one: { alias: 'edge.example.net' } };
  configuration.nameserver.zones[0].steering = [{ owner: 'front', by: 'split', split: 'door', parts }];
  await writeFile(config, JSON.stringify(configuration));
  const refused = await runInProcess(['check', '--config', config]);
  assert.equal(refused.code, 64);
  assert.match(
    refused.stderr,
    /zones\[0\]\.steering\[0\]\.parts\.one\.alias: expected .*, got "edge\.example\.net", which leads to front\.example\.net\./,
  );
});

test('dns drain warns on stderr where no site is left', async (context) => {
  const { url } = await runServer(context);
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole.operator };
  const drained = await runInProcess(['dns', 'drain', 'eu-west-1'], environment);
  assert.deepEqual(drained, {
    code: 0,
    stdout: 'eu-west-1: up, drained (192.0.2.10)\n',
    stderr: 'warning: no site is left\n',
  });
  assert.equal((await runInProcess(['dns', 'undrain', 'eu-west-1'], environment)).stderr, '');
});

test('dns reload says what became of each zone, and ends with 1 where one has mistakes', async (context) => {
  const { url } = await runServer(context);
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole.operator };
  const { code, stdout, stderr } = await runInProcess(['dns', 'reload'], environment);
  assert.equal(code, 1);
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'mqtt.example.com  reloaded  serial 2',
    'other.example.com  refused  serial 4',
    '  zones/other.zone:7: A: expected an IPv4 address, got "x"',
  ]);
  assert.match(stderr, /other\.example\.com: the zone file has mistakes/);
  const json = await runInProcess(['dns', 'reload', '--json'], environment);
  assert.equal(JSON.parse(json.stdout).zones.length, 2);
});
