import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { developmentPki } from '../../certs/development-pki.ts';
import { success } from '../../src/base/result.ts';
import { mintCertificate } from '../../src/tls/certificate-minting.ts';
import { runServer, tokenByRole } from '../admin/running-server.ts';
import { AccountWorld, census, withControlPlane } from '../aws/account/account-world.ts';
import { accountId, deviceCa } from '../aws/account/sample-account.ts';
import { statusDocument } from './sample-documents.ts';
import { makeDirectory, runCli, runInProcess } from './spawned-cli.ts';

/** Made once: keys take a moment. */
const pki = developmentPki({ domain: 'mqtt.example.com', devices: 0 });
const sample = await readFile(new URL('../../config/aws.yaml', import.meta.url), 'utf8');

/** The sample configuration beside its certificates, with one text replaced by another; its path. */
async function writeSample(context: TestContext, ...changes: readonly (readonly [string, string])[]): Promise<string> {
  const directory = await makeDirectory(context);
  await mkdir(join(directory, 'certs/dev'), { recursive: true });
  await mkdir(join(directory, 'config'));
  for (const { name, content } of pki) await writeFile(join(directory, 'certs/dev', name), content);
  await writeFile(join(directory, 'certs/dev/fleet-ca.pem'), deviceCa.certificate);
  const token = ['$', '{CROSSFADE_TOKEN}'].join('');
  const text = [[token, 'a-token-of-some-length'] as const, ...changes].reduce((before, [from, to]) => {
    assert.ok(before.includes(from), from);
    return before.replace(from, () => to);
  }, sample);
  const path = join(directory, 'config/aws.yaml');
  await writeFile(path, text);
  return path;
}

const anotherDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }],
});

/** An emulated account, and the `aws` commands with the sample configuration. */
async function openAccount(context: TestContext, ...changes: readonly (readonly [string, string])[]) {
  const config = await writeSample(context, ...changes);
  const world = await AccountWorld.start();
  context.after(() => world[Symbol.asyncDispose]());
  const commandLine = (command: string, ...rest: readonly string[]) => [
    'aws',
    command,
    '--config',
    config,
    '--endpoint',
    world.url,
    ...rest,
  ];
  const aws = (command: string, ...rest: readonly string[]) => runInProcess(commandLine(command, ...rest));
  return { world, aws, commandLine };
}

test('aws plan shows every difference, apply makes them, plan shows none', async (context) => {
  const { aws } = await openAccount(context);
  const first = await aws('plan', '--detailed-exitcode');
  assert.deepEqual([first.code, first.stderr], [2, '']);
  assert.match(
    first.stdout,
    /^account 123456789012, http:\/\/127\.0\.0\.1:\d+\n\nACTION +KIND +NAME +REASON\ncreate +policy +crossfade-device /,
  );
  assert.match(first.stdout, /\nca-certificate gateway\n {2}\+ status: "ACTIVE"\n/);
  assert.match(first.stdout, /\n\d+ to create, 0 to update, 0 as described/);
  assert.equal((await aws('plan')).code, 0);
  const applied = await aws('apply', '--yes');
  assert.equal(applied.code, 0, applied.stderr);
  assert.match(applied.stdout, /\ncreated policy crossfade-device\n/);
  const last = await aws('plan', '--detailed-exitcode');
  assert.deepEqual([last.code, last.stderr], [0, '']);
  assert.match(last.stdout, /\nno difference: \d+ as described/);
  const again = await aws('apply');
  assert.deepEqual([again.code, again.stderr], [0, '']);
});

test('aws plan and apply give one JSON document each', async (context) => {
  const { aws } = await openAccount(context);
  const plan = JSON.parse((await aws('plan', '--json')).stdout);
  assert.deepEqual([plan.account, plan.differs], [accountId, true]);
  assert.equal(plan.summary.create, plan.steps.filter(({ action }: { action: string }) => action === 'create').length);
  const applied = JSON.parse((await aws('apply', '--yes', '--json')).stdout);
  assert.equal(applied.done.length, plan.summary.create);
  assert.deepEqual([applied.failed, applied.left, applied.plan.differs], [null, [], true]);
  const after = JSON.parse((await aws('plan', '--json')).stdout);
  assert.deepEqual([after.differs, after.summary.create, after.summary.update], [false, 0, 0]);
});

test('an update shows the property before and after', async (context) => {
  const { aws, world } = await openAccount(context);
  await aws('apply', '--yes');
  const config = await writeSample(context, ['level: ERROR', 'level: DEBUG']);
  const { stdout } = await runInProcess(['aws', 'plan', '--config', config, '--endpoint', world.url]);
  assert.match(stdout, /\nlogging-options account\n {2}~ defaultLogLevel: "ERROR" → "DEBUG"\n/);
  assert.match(stdout, /\n0 to create, 1 to update, /);
});

test('aws apply changes nothing unless it is confirmed', async (context) => {
  const { commandLine, world } = await openAccount(context);
  const nobody = await census(world);
  const no = await runCli(commandLine('apply'), { stdin: 'no\n' });
  assert.equal(no.code, 1);
  assert.match(no.stderr, /Type yes: crossfade: not confirmed, nothing was changed\n {2}type yes, or pass --yes\n$/);
  assert.equal((await runCli(commandLine('apply'), { stdin: '' })).code, 1);
  assert.deepEqual(await census(world), nobody);
  const yes = await runCli(commandLine('apply'), { stdin: 'yes\n' });
  assert.equal(yes.code, 0, yes.stderr);
});

test('a conflict ends plan and apply with 2, and nothing is changed', async (context) => {
  const { aws, world } = await openAccount(context, ['- name: crossfade-device', '- name: fleet-policy']);
  await withControlPlane(world, (iot) =>
    iot.createPolicy({
      policyName: 'fleet-policy',
      policyDocument: anotherDocument,
    }),
  );
  const before = await census(world);
  assert.equal((await aws('plan')).code, 2);
  const { code, stderr } = await aws('apply', '--yes');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /1 in conflict, nothing was changed\n {2}policy fleet-policy: it is there, was not made by Crossfade/,
  );
  assert.deepEqual(await census(world), before);
  assert.equal((await aws('apply', '--yes', '--adopt')).code, 0);
  assert.equal((await aws('plan', '--detailed-exitcode')).code, 0);
});

test('another account than the configured one is refused before anything is changed', async (context) => {
  const config = await writeSample(context);
  const other = (await readFile(config, 'utf8')).replaceAll('123456789012', '210987654321');
  await writeFile(config, other);
  const { world } = await openAccount(context);
  const { code, stderr } = await runInProcess(['aws', 'apply', '--yes', '--config', config, '--endpoint', world.url]);
  assert.equal(code, 1);
  assert.match(stderr, /for account 123456789012, and aws\.account is 210987654321: nothing was changed\n/);
  assert.deepEqual((await census(world))['policies'], []);
});

test('a throttled call is made again; a refused one stops apply, which says what is done, what is left and what to do', async (context) => {
  const { aws, world } = await openAccount(context);
  const refused = new Map([['CreateAuthorizer', 1]]);
  world.beforeCall = (operation) => {
    const times = refused.get(operation) ?? 0;
    refused.set(operation, times - 1);
    if (operation === 'CreateDomainConfiguration') return { what: 'fail', when: 'before' };
    return times > 0 ? { what: 'throttle', when: 'before' } : undefined;
  };
  const { code, stdout, stderr } = await aws('apply', '--yes');
  assert.equal(code, 1);
  assert.match(stdout, /\ncreated authorizer crossfade-token\n/);
  assert.match(stdout, /\nleft domain-configuration crossfade-mqtt\.example\.com /);
  assert.match(
    stderr,
    /crossfade: domain-configuration .*: CreateDomainConfiguration: .*\n {2}.*then run apply again: it goes on here\n$/,
  );
  world.beforeCall = () => undefined;
  assert.match((await aws('apply', '--yes')).stdout, /\n\ncreated domain-configuration [^\n]+\n$/);
  assert.equal((await aws('plan', '--detailed-exitcode')).code, 0);
});

test('apply that is killed leaves what a second one finishes', async (context) => {
  const { commandLine, aws, world } = await openAccount(context);
  const { spawn } = await import('node:child_process');
  const { program } = await import('./spawned-cli.ts');
  const child = spawn(process.execPath, [program, ...commandLine('apply', '--yes')], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', (_code, signal) => resolve(signal)));
  world.beforeCall = (operation) => {
    if (operation !== 'RegisterCACertificate') return undefined;
    child.kill('SIGKILL');
    return { what: 'cut', when: 'after' };
  };
  assert.equal(await ended, 'SIGKILL');
  world.beforeCall = () => undefined;
  assert.equal((await census(world))['authorities']?.length, 1);
  assert.equal((await aws('apply', '--yes')).code, 0);
  assert.equal((await aws('plan', '--detailed-exitcode')).code, 0);
  assert.deepEqual(
    Object.entries(await census(world)).map(([kind, found]) => `${kind} ${found.length}`),
    ['policies 1', 'authorities 2', 'authorizers 1', 'thingTypes 1', 'rules 2', 'domains 2'],
  );
});

test('a mistake in the command line or the configuration ends with 64, an endpoint that does not answer with 1', async (context) => {
  const config = await writeSample(context);
  const bare = await writeSample(context, [sample.slice(sample.indexOf('\naws:')), '\n']);
  const [noSection, noUrl, nobody] = await Promise.all([
    runInProcess(['aws', 'plan', '--config', bare]),
    runInProcess(['aws', 'plan', '--config', config, '--endpoint', 'iot']),
    runInProcess(['aws', 'plan', '--config', config, '--endpoint', 'http://127.0.0.1:1']),
  ]);
  assert.deepEqual([noSection.code, noUrl.code, nobody.code], [64, 64, 1]);
  assert.match(noSection.stderr, /has no aws section\n/);
  assert.match(noUrl.stderr, /expected --endpoint as a URL, got "iot"\n/);
  assert.match(nobody.stderr, /DescribeEndpoint: .*ECONNREFUSED.*\n {2}check aws\.region, --endpoint and the network/);
});

test('aws status shows what is there, and the quotas beside what the fleet needs', async (context) => {
  const gateway = 'gatewayCa:\n    cert: ../certs/dev/gateway-ca.pem';
  const inDefault = `${gateway}\n    mode: DEFAULT\n    key: ../certs/dev/gateway-ca.key`;
  const { aws } = await openAccount(context, [gateway, inDefault]);
  await aws('apply', '--yes');
  const table = await aws('status', '--devices', '250000');
  assert.deepEqual([table.code, table.stderr], [0, '']);
  assert.match(table.stdout, /\nregistration code [0-9a-f]{64}\n/);
  assert.match(table.stdout, /\nca-certificate +gateway +as described +valid until 20/);
  assert.match(table.stdout, /\nconnects a second +500 +8 min for all of them once +default, unverified\n/);
  const json = JSON.parse((await aws('status', '--json')).stdout);
  assert.equal(json.account, accountId);
  assert.ok(json.resources.every(({ state }: { state: string }) => /^(?:as described|not supported)$/.test(state)));
  assert.equal(json.connectionMinutesPerMonth, 438_000_000_000);
});

test('aws destroy wants the account ID, removes what was made, and leaves what somebody else made', async (context) => {
  const { aws, commandLine, world } = await openAccount(context);
  await withControlPlane(world, (iot) => iot.createPolicy({ policyName: 'another', policyDocument: anotherDocument }));
  const before = await census(world);
  await aws('apply', '--yes');
  const wrong = await runCli(commandLine('destroy'), { stdin: '000000000000\n' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /expected the account ID 123456789012, got "000000000000": nothing was removed\n/);
  assert.match(wrong.stderr, /warning: no gateway is named \(--admin\), so whether sessions are on AWS is not known\n/);
  assert.equal((await aws('destroy', '--yes')).code, 64);
  assert.equal((await aws('destroy')).code, 1);
  assert.equal((await aws('plan', '--detailed-exitcode')).code, 0);

  const typed = await runCli(commandLine('destroy'), { stdin: `${accountId}\n` });
  assert.equal(typed.code, 1, 'the thing type goes five minutes later');
  assert.match(typed.stderr, /left thing-type crossfade-device: .*it is deprecated now/);
  assert.match(typed.stdout, /\nkeep +logging-options +account +it is the whole account/);
  assert.deepEqual(await census(world), { ...before, thingTypes: ['crossfade-device'] });
  const again = JSON.parse((await aws('destroy', '--account', accountId, '--yes', '--json')).stdout);
  assert.deepEqual(again.removed, []);
  assert.equal(again.left[0].kind, 'thing-type');
  world.passMs(5 * 60_000);
  const last = JSON.parse((await aws('destroy', '--account', accountId, '--yes', '--json')).stdout);
  assert.deepEqual([last.removed.length, last.left], [1, []]);
  assert.deepEqual(await census(world), before);
});

test('aws destroy after a destroy, then apply: the thing type is taken up again', async (context) => {
  const { aws } = await openAccount(context);
  await aws('apply', '--yes');
  await aws('destroy', '--account', accountId, '--yes');
  const { code, stderr } = await aws('apply', '--yes');
  assert.equal(code, 0, stderr);
  assert.equal((await aws('plan', '--detailed-exitcode')).code, 0);
});

test('aws destroy refuses while sessions are on AWS', async (context) => {
  const { commandLine, aws, world } = await openAccount(context);
  await aws('apply', '--yes');
  const made = await census(world);
  const { backend, url } = await runServer(context);
  backend.status = async () => success(statusDocument);
  const environment = { CROSSFADE_ADMIN: url, CROSSFADE_TOKEN: tokenByRole.viewer };
  const refused = await runInProcess(commandLine('destroy', '--account', accountId, '--yes'), environment);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /sessions are on AWS IoT Core \(48 on aws\), nothing was removed\n {2}.*rollback --all\n$/,
  );
  assert.deepEqual(await census(world), made);
  const unreachable = { ...environment, CROSSFADE_ADMIN: 'http://127.0.0.1:1' };
  assert.equal((await runInProcess(commandLine('destroy', '--account', accountId, '--yes'), unreachable)).code, 69);
  assert.deepEqual(await census(world), made);
});

/** Registers a device of the fleet's own CA, with a policy or without one. */
function registerDevice(world: AccountWorld, commonName: string, policyName?: string) {
  const device = mintCertificate({ subject: { commonName }, issuer: deviceCa });
  return withControlPlane(world, async (iot) => {
    const { certificateArn = '' } = await iot.registerCertificate({
      certificatePem: device.certificate,
      caCertificatePem: deviceCa.certificate,
      setAsActive: true,
    });
    await iot.createThing({ thingName: commonName });
    await iot.attachThingPrincipal({ thingName: commonName, principal: certificateArn });
    if (policyName !== undefined) await iot.attachPolicy({ policyName, target: certificateArn });
  });
}

const ownCa = ['cert: ../certs/dev/device-ca.pem', 'cert: ../certs/dev/fleet-ca.pem'] as const;

function countCertificates(world: AccountWorld): Promise<number | undefined> {
  return withControlPlane(world, async (iot) => (await iot.listCertificates({})).certificates?.length);
}

test('aws destroy leaves the certificates of devices, and the policy that they have', async (context) => {
  const { aws, world } = await openAccount(context, ownCa);
  await aws('apply', '--yes');
  await registerDevice(world, 'meter-7', 'crossfade-device');
  const { code, stderr } = await aws('destroy', '--account', accountId, '--yes');
  assert.equal(code, 1);
  assert.match(stderr, /left policy crossfade-device: .*pass --device-certificates/);
  assert.equal(await countCertificates(world), 1);
});

test('aws destroy --device-certificates deletes them, by their CA and by their policy; their things stay', async (context) => {
  const { aws, world } = await openAccount(context, ownCa);
  await aws('apply', '--yes');
  await registerDevice(world, 'meter-7', 'crossfade-device');
  await registerDevice(world, 'meter-8');
  const { stdout } = await aws('destroy', '--account', accountId, '--yes', '--device-certificates', '--json');
  const { deviceCertificates, left } = JSON.parse(stdout);
  assert.deepEqual([deviceCertificates, left.map(({ kind }: { kind: string }) => kind)], [2, ['thing-type']]);
  assert.equal(await countCertificates(world), 0);
  const { thingName } = await withControlPlane(world, (iot) => iot.describeThing({ thingName: 'meter-7' }));
  assert.equal(thingName, 'meter-7');
});
