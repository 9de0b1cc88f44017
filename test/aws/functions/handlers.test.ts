import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { hash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { CreatePolicyCommand } from '@aws-sdk/client-iot';
import { readCertificatePem } from '../../../src/emulator/account/certificate-facts.ts';
import { addCertificate } from '../../../src/emulator/account/device-certificates.ts';
import { encodeAuthorizerToken } from '../../../src/gateway/authorizer-username.ts';
import { mintCertificate, mintCertificateAuthority } from '../../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../../src/tls/crl-minting.ts';
import { importsOf } from '../../architecture/source-text.ts';
import { ControlWorld, startMs } from '../../emulator/control-world.ts';

const root = join(import.meta.dirname, '../../..');
const names = ['activation', 'certificate-validation', 'token-authorizer', 'certificate-authorizer'] as const;
const ca = mintCertificateAuthority('Device CA');
const device = mintCertificate({ subject: { commonName: 'meter-7' }, issuer: ca });
const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }] };

/** What runs in Lambda: the entry, and everything that it imports. */
function filesOf(name: string): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (files.has(file)) return;
    files.add(file);
    for (const { specifier, clause } of importsOf(readFileSync(join(root, file), 'utf8'))) {
      if (clause.trimStart().startsWith('type ')) continue;
      if (specifier.startsWith('.')) visit(posix.join(posix.dirname(file), specifier));
      else packages.add(specifier);
    }
  };
  visit(`src/aws/functions/${name}-handler.ts`);
  return { files: [...files], packages: [...packages].filter((each) => !each.startsWith('node:')) };
}

/** A folder with nothing but what Lambda gets: no package of ours is to be found from there. */
async function unpack(context: TestContext, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-function-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const file of filesOf(name).files) await cp(join(root, file), join(folder, file));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  return folder;
}

async function call(
  folder: string,
  name: string,
  event: unknown,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly answer: unknown; readonly lines: readonly string[] }> {
  const program = `import { handler } from './src/aws/functions/${name}-handler.ts';
    const answer = await handler(${JSON.stringify(event)});
    console.log(JSON.stringify(answer));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: folder,
    env: { PATH: dirname(process.execPath), ...environment },
    timeout: 60_000,
  });
  const lines = stdout.trim().split('\n');
  return { answer: JSON.parse(lines.at(-1) ?? ''), lines };
}

test('the functions need nothing but Node and the SDK of the Lambda runtime', () => {
  for (const name of names) {
    const expected = name === 'activation' ? ['@aws-sdk/client-iot'] : [];
    assert.deepEqual(filesOf(name).packages, expected, name);
  }
});

test('the folders that are zipped hold all that they import', () => {
  const folders = new Set(names.flatMap((name) => filesOf(name).files).map((file) => file.split('/')[1]));
  assert.deepEqual([...folders].sort(), ['aws', 'base', 'plan', 'tls']);
});

test('unpacked alone, the token authorizer answers by its environment', async (context) => {
  const folder = await unpack(context, 'token-authorizer');
  const token = encodeAuthorizerToken({ kind: 'cn', key: 'meter-7', clientId: 'a', expiresMs: Date.now() + 60_000 });
  const event = { token, signatureVerified: true, protocolData: { mqtt: { clientId: 'a' } } };
  const environment = { CROSSFADE_POLICY: JSON.stringify(policy), CROSSFADE_REFRESH_AFTER_SECONDS: '300' };
  const { answer } = await call(folder, 'token-authorizer', event, environment);
  const { isAuthenticated, policyDocuments, refreshAfterInSeconds } = answer as Readonly<Record<string, unknown>>;
  const expected = { isAuthenticated: true, policyDocuments: [policy], refreshAfterInSeconds: 300 };
  assert.deepEqual({ isAuthenticated, policyDocuments, refreshAfterInSeconds }, expected);
});

test('unpacked alone, the validation reads its CAs and lists, and says in the log whom it refused', async (context) => {
  const folder = await unpack(context, 'certificate-validation');
  await writeFile(join(folder, 'ca.pem'), ca.certificate);
  await writeFile(join(folder, 'ca.crl'), mintCrl({ issuer: ca, revoked: [device.serialNumber] }));
  const event = { clientCertificateChain: [device.certificate] };
  const environment = { CROSSFADE_CA_FILES: 'ca.pem', CROSSFADE_CRLS: 'ca.crl' };
  const { answer, lines } = await call(folder, 'certificate-validation', event, environment);
  assert.deepEqual(answer, { isAuthenticated: false });
  assert.deepEqual(JSON.parse(lines[0] ?? '').reasons, ['revoked']);
  await writeFile(join(folder, 'ca.crl'), mintCrl({ issuer: ca }));
  const again = await call(folder, 'certificate-validation', event, environment);
  assert.deepEqual(again.answer, { isAuthenticated: true });
});

test('unpacked alone, the certificate authorizer answers', async (context) => {
  const folder = await unpack(context, 'certificate-authorizer');
  const principalId = hash('sha256', new X509Certificate(device.certificate).raw);
  const tls = { x509CertificatePem: device.certificate, principalId };
  const event = { protocolData: { tls, mqtt: { clientId: 'meter-7' } } };
  const environment = { CROSSFADE_CLIENT_ID_POLICY: 'equals-common-name' };
  const { answer } = await call(folder, 'certificate-authorizer', event, environment);
  assert.equal((answer as { readonly principalId?: string }).principalId, principalId);
});

test('the activation uses the SDK where it finds one, in the account that the environment names', async () => {
  await using world = await ControlWorld.start();
  const { account, client, url } = world;
  await client.send(new CreatePolicyCommand({ policyName: 'devices', policyDocument: JSON.stringify(policy) }));
  const certificate = readCertificatePem(device.certificate);
  const pending = { certificate, mode: 'SNI_ONLY', status: 'PENDING_ACTIVATION', authorityId: undefined } as const;
  const { arn } = addCertificate(account, pending, startMs);
  const certificateId = hash('sha256', new X509Certificate(device.certificate).raw);
  const { answer, lines } = await call(
    root,
    'activation',
    { certificateId },
    {
      CROSSFADE_POLICY_NAME: 'devices',
      AWS_ENDPOINT_URL: url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
  );
  assert.deepEqual(answer, { certificateId, outcome: 'activated', thingName: 'meter-7' });
  assert.equal(JSON.parse(lines[0] ?? '').function, 'activation');
  assert.equal(account.certificates.get(certificateId).status, 'ACTIVE');
  assert.deepEqual(account.thingPrincipals.leftsOf(arn), ['meter-7']);
});

test('a wrong setting ends the function before it lets anybody in', async (context) => {
  const cases = [
    ['token-authorizer', {}, /CROSSFADE_POLICY: expected a policy document, got nothing/],
    ['token-authorizer', { CROSSFADE_POLICY: '{}' }, /CROSSFADE_POLICY: expected a policy document with Statement/],
    ['certificate-validation', {}, /CROSSFADE_CA_FILES: expected a value, got nothing/],
    ['certificate-validation', { CROSSFADE_CA_FILES: 'none.pem' }, /none\.pem/],
    ['certificate-authorizer', { CROSSFADE_CLIENT_ID_POLICY: 'some' }, /CROSSFADE_CLIENT_ID_POLICY: expected any, /],
    ['certificate-authorizer', { CROSSFADE_CRLS: 'a.crl' }, /CROSSFADE_CA_FILES: expected the CAs/],
    ['certificate-authorizer', { CROSSFADE_TOLERATE: 'revoked' }, /CROSSFADE_TOLERATE: expected expired, /],
    ['certificate-authorizer', { CROSSFADE_REFRESH_AFTER_SECONDS: '60' }, /whole seconds from 300 to 86400/],
    ['activation', {}, /CROSSFADE_POLICY_NAME: expected a value, got nothing/],
  ] as const;
  const folders = new Map<string, string>();
  for (const [name, environment, message] of cases) {
    const folder = folders.get(name) ?? (await unpack(context, name));
    folders.set(name, folder);
    await assert.rejects(call(folder, name, {}, environment), { stderr: message });
  }
});
