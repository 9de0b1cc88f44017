import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BeforeCall } from '../../src/emulator/control/call-faults.ts';
import { DeviceIdentities } from '../../src/gateway/device-identities.ts';
import { deviceContexts } from '../../src/gateway/upstream-material.ts';
import { certificateEpoch } from '../../src/tls/certificate-epoch.ts';
import { mintCertificate } from '../../src/tls/certificate-minting.ts';
import { loadMintingAuthority } from '../../src/tls/certificate-signer.ts';
import { DeviceCertificateMint } from '../../src/tls/device-certificate.ts';
import { device as peer } from '../gateway/upstream-fixtures.ts';
import { type CohortWorld, deviceCa, gatewayCa, openCohortWorld, secret } from './cohort-world.ts';
import { runCli } from './spawned-cli.ts';

const authority = loadMintingAuthority({ cert: gatewayCa.certificate, key: gatewayCa.key });

/** What the gateway would present now, as a certificate ID. */
async function presented(key: { readonly kind: 'cn' | 'clientid'; readonly key: string }): Promise<string> {
  const identities = new DeviceIdentities({
    authority,
    terms: { epochDays: 180, alternativeNames: [], secret },
    bounds: { deviceCertificates: 10, deviceContexts: 10 },
    createContext: deviceContexts('aws', { ca: gatewayCa.certificate }),
    clock: { wallMs: () => Date.now() },
  });
  const identity = { key, clientId: 'whatever', isProven: true };
  return (await identities.present({ ...peer, identity })).fingerprint;
}

function registrationsOf({ control: { account } }: CohortWorld) {
  return { certificates: account.certificates.size, things: account.things.size };
}

test('a cohort is registered as the gateway will present it, and a second run finds it done', async (context) => {
  const world = await openCohortWorld(context);
  await world.write(['commonName,clientId,attribute.site', 'meter-7,,north', ',gen1-8,', 'söner µ,x,']);
  const { code, stdout, stderr } = await world.register();
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^REGISTERED {2}ALREADY {2}DONE BEFORE {2}REFUSED {2}REJECTED ROWS {2}SECONDS\n +3 +0 +0 +0 +0 /,
  );
  assert.match(stderr, /3\/3 3 registered/);
  const equipped = (thing: string) => ({ status: 'ACTIVE', things: [thing], policies: ['crossfade-device'] });
  assert.deepEqual(world.state(await presented({ kind: 'cn', key: 'meter-7' })), equipped('meter-7'));
  assert.deepEqual(world.state(await presented({ kind: 'clientid', key: 'gen1-8' })), equipped('gen1-8'));
  const mapped = `y--${hash('sha256', 'söner µ')}`;
  assert.deepEqual(world.state(await presented({ kind: 'cn', key: 'söner µ' })), equipped(mapped));
  const { attributes, typeName } = world.control.account.things.get('meter-7');
  assert.deepEqual({ attributes, typeName }, { attributes: { site: 'north' }, typeName: 'crossfade-device' });

  const again = await world.register('--json');
  const { registered, already, skipped } = JSON.parse(again.stdout);
  assert.deepEqual({ registered, already, skipped }, { registered: 0, already: 0, skipped: 3 });
  const elsewhere = await world.register('--json', '--progress', join(world.directory, 'other'));
  assert.equal(JSON.parse(elsewhere.stdout).already, 3);
});

test('a row that changed, another policy and another epoch are not done', async (context) => {
  const world = await openCohortWorld(context);
  await world.write(['cn', 'a', 'b']);
  await world.register();
  await world.write(['cn', 'a', 'c', 'b']);
  const counts = async (...options: readonly string[]) => {
    const { registered, already, skipped } = JSON.parse((await world.register('--json', ...options)).stdout);
    return { registered, already, skipped };
  };
  assert.deepEqual(await counts(), { registered: 1, already: 1, skipped: 1 });
  assert.deepEqual(await counts('--epoch', 'next'), { registered: 3, already: 0, skipped: 0 });
  const device = { kind: 'cn', key: 'a' };
  const next = certificateEpoch(
    device,
    { epochDays: 180 },
    certificateEpoch(device, { epochDays: 180 }, Date.now()).endsMs,
  );
  const { fingerprint } = await new DeviceCertificateMint(authority, secret).mint({
    ...{ device, epoch: next, alternativeNames: [] },
  });
  assert.equal(world.state(fingerprint).status, 'ACTIVE');
  assert.deepEqual(await counts('--policy', 'other', '--epoch', 'current'), { registered: 0, already: 3, skipped: 0 });
});

test("the devices' own certificates, by path and in the file itself; bad rows and weak keys are listed and stop nothing", async (context) => {
  const world = await openCohortWorld(context);
  const own = (commonName: string, key: 'ec' | 'rsa1024' = 'ec') =>
    mintCertificate({ subject: { commonName }, issuer: deviceCa, key }).certificate;
  const [first, second, weak] = [own('meter-7'), own('meter-8'), own('meter-9', 'rsa1024')];
  await writeFile(join(world.directory, 'meter-7.pem'), first);
  await writeFile(join(world.directory, 'meter-9.pem'), weak);
  const der = new X509Certificate(second).raw.toString('base64');
  const rows = ['device,certificate', 'meter-7,meter-7.pem', `,${der}`, 'meter-9,meter-9.pem', 'meter-10,none.pem'];
  await world.write([...rows, ',', 'a,b,c', 'meter-11,']);
  const { code, stdout } = await world.register('--certificates', 'own', '--json');
  assert.equal(code, 2);
  const { registered, refused, rejectedRows, rows: listed } = JSON.parse(stdout);
  assert.deepEqual({ registered, refused, rejectedRows }, { registered: 2, refused: 1, rejectedRows: 4 });
  const shown = listed.map(({ line, device, reason }: Record<string, unknown>) => [line, device, reason]);
  assert.deepEqual(shown.slice(0, 1), [[4, 'meter-9', 'certificate']]);
  assert.match(shown[1][2], /^cannot read the certificate: ENOENT/);
  assert.deepEqual(shown.slice(2), [
    [6, null, 'the row names no device'],
    [7, null, 'expected 2 fields, got 3'],
    [8, 'meter-11', 'the row has no certificate: a path, or base64 of its DER'],
  ]);
  for (const [pem, thing] of [
    [first, 'meter-7'],
    [second, 'meter-8'],
  ] as const) {
    assert.deepEqual(world.state(hash('sha256', new X509Certificate(pem).raw)).things, [thing]);
  }
  const table = await world.register('--certificates', 'own');
  assert.match(table.stdout, /4 {2}meter-9 +certificate: RegisterCertificate: CertificateValidationException/);
  assert.match(table.stdout, /\ncertificate: AWS takes RSA of 2048 bits or more/);
});

test('a dry run makes no call and writes nothing, and says how long it would take', async (context) => {
  const world = await openCohortWorld(context);
  world.setFault(() => assert.fail('a call was made'));
  await world.write(['cn', ...Array.from({ length: 1_000 }, (_, index) => `meter-${index}`), '']);
  const { code, stdout } = await world.register('--dry-run', '--rate', '20/s');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^1000 devices would be registered in http:.*, with policy crossfade-device and things of type crossfade-device\.\n/,
  );
  assert.match(stdout, /At 20\/s that takes 50 s\. 0 are done already, 0 rows are rejected\.\n/);
  assert.match(stdout, new RegExp(`meter-0 +meter-0 +${await presented({ kind: 'cn', key: 'meter-0' })}`));
  await assert.rejects(readFile(`${world.csv}.registered`), { code: 'ENOENT' });
  const { estimateSeconds, devices } = JSON.parse((await world.register('--dry-run', '--json')).stdout);
  assert.deepEqual({ estimateSeconds, devices }, { estimateSeconds: 125, devices: 1_000 });
});

test('what every device would be refused for stops the run at once', async (context) => {
  const world = await openCohortWorld(context);
  await world.write(['cn', ...Array.from({ length: 120 }, (_, index) => `meter-${index}`)]);
  const { code, stderr, stdout } = await world.register('--thing-type', 'none', '--json');
  assert.equal(code, 1);
  assert.match(stderr, /stopped: CreateThing: ResourceNotFoundException/);
  assert.ok(JSON.parse(stdout).refused < 50);
  // And what was begun is ended by the next one.
  assert.equal((await world.register()).code, 0);
  assert.deepEqual(registrationsOf(world), { certificates: 120, things: 120 });
});

test('no device is registered without the policy that it is to have, nor in another account than the configured one', async (context) => {
  const world = await openCohortWorld(context);
  await world.write(['cn', 'meter-1']);
  const without = await world.register('--policy', 'none');
  assert.deepEqual([without.code, registrationsOf(world)], [1, { certificates: 0, things: 0 }]);
  assert.match(without.stderr, /GetPolicy: ResourceNotFoundException/);
  await world.configure({ account: '210987654321' });
  const elsewhere = await world.register();
  assert.deepEqual([elsewhere.code, registrationsOf(world)], [1, { certificates: 0, things: 0 }]);
  assert.match(elsewhere.stderr, /for account \d{12}, and aws\.account is 210987654321: nothing was changed\n/);
});

test('a throttled account gets all of 60 devices nevertheless, each once', async (context) => {
  const world = await openCohortWorld(context, { RegisterCertificate: 30, AttachPolicy: 30 });
  await world.write(['cn', ...Array.from({ length: 60 }, (_, index) => `meter-${index}`)]);
  const { code, stdout } = await world.register('--rate', '50', '--json');
  assert.equal(code, 0);
  const { registered, already } = JSON.parse(stdout);
  assert.equal(registered + already, 60);
  assert.deepEqual(registrationsOf(world), { certificates: 60, things: 60 });
});

test('killed after one call or another, again and again, it ends with each of them registered once', async (context) => {
  const world = await openCohortWorld(context);
  const names = Array.from({ length: 24 }, (_, index) => `meter-${index}`);
  await world.write(['cn', ...names]);
  let runs = 0;
  for (let code: number | null = null; code === null; runs += 1) {
    const killing = new AbortController();
    let calls = 0;
    // Eight devices are under way at a time, and each costs four calls or five: every run finishes some.
    const killedAt = 50 + 3 * runs;
    const fault: BeforeCall = () => {
      calls += 1;
      if (calls !== killedAt) return undefined;
      killing.abort();
      return { what: 'cut', when: 'after' };
    };
    world.setFault(fault);
    ({ code } = await runCli(world.registerLine(), { killOn: killing.signal }));
    assert.ok(runs < 15);
  }
  assert.ok(runs > 1, `${runs} runs`);
  assert.deepEqual(registrationsOf(world), { certificates: 24, things: 24 });
  for (const name of names) {
    const { status, things, policies } = world.state(await presented({ kind: 'cn', key: name }));
    assert.deepEqual(
      { status, things, policies },
      { status: 'ACTIVE', things: [name], policies: ['crossfade-device'] },
    );
  }
  world.setFault((operation) => {
    assert.equal(operation, 'GetPolicy');
    return undefined;
  });
  assert.equal(JSON.parse((await world.register('--json')).stdout).skipped, 24);
});

test('usage mistakes are told before anything is done', async (context) => {
  const world = await openCohortWorld(context);
  const cases = [
    [['name,site', 'a,b'], [], /expected a first line that names its columns/],
    [['cn'], [], /has no rows below its first line/],
    [['cn', 'a'], ['--broker', 'none'], /there is no broker none: expected legacy, aws/],
    [['cn', 'a'], ['--broker', 'legacy', '--certificates', 'minted'], /the certificates of legacy are not minted/],
    [['cn', 'a'], ['--endpoint', 'here'], /expected --endpoint as a URL/],
    [['cn', 'a'], ['--progress', world.csv], /is no record of a registration/],
    [['cn', 'a'], ['--progress', join(world.directory, 'none/record')], /cannot write/],
  ] as const;
  for (const [rows, options, message] of cases) {
    await world.write(rows);
    const { code, stderr } = await world.register(...options);
    assert.equal(code, 64, stderr);
    assert.match(stderr, message);
  }
  assert.deepEqual(registrationsOf(world), { certificates: 0, things: 0 });
});

test('former certificates are counted, then removed; the one that is presented stays', async (context) => {
  const world = await openCohortWorld(context);
  await world.write(['cn', 'meter-7', 'meter-8']);
  await world.register();
  const mint = new DeviceCertificateMint(authority, secret);
  const former: string[] = [];
  for (const key of ['meter-7', 'meter-8']) {
    const device = { kind: 'cn', key };
    const rule = { epochDays: 180 };
    const older = certificateEpoch(device, rule, Date.now() - 400 * 86_400_000);
    const { certificate, fingerprint } = await mint.mint({ device, epoch: older, alternativeNames: [] });
    former.push(fingerprint);
    await world.registerByApi(certificate, key);
  }
  assert.equal(registrationsOf(world).certificates, 4);
  const found = await world.collect('--json');
  const { dryRun, found: count, collected } = JSON.parse(found.stdout);
  assert.deepEqual({ dryRun, count, collected }, { dryRun: true, count: 2, collected: 0 });
  assert.equal(registrationsOf(world).certificates, 4);
  await world.configure({ account: '210987654321' });
  const elsewhere = await world.collect('--yes');
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /and aws\.account is 210987654321/);
  assert.equal(registrationsOf(world).certificates, 4);
  await world.configure({});
  const done = await world.collect('--yes');
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /DEVICES {2}FOUND {2}COLLECTED {2}REJECTED ROWS\n +2 +2 +2 +0\n/);
  assert.deepEqual(registrationsOf(world), { certificates: 2, things: 2 });
  for (const fingerprint of former) assert.equal(world.control.account.certificates.find(fingerprint), undefined);
  assert.equal(JSON.parse((await world.collect('--json')).stdout).found, 0);
});
