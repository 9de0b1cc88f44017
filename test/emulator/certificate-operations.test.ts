import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import * as iot from '@aws-sdk/client-iot';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { ControlWorld, device, deviceCa, startMs, verification, withUnknownKey } from './control-world.ts';

async function registerCa(world: ControlWorld, input: Partial<iot.RegisterCACertificateCommandInput> = {}) {
  const { registrationCode = '' } = await world.client.send(new iot.GetRegistrationCodeCommand());
  const caCertificate = input.caCertificate ?? deviceCa.certificate;
  const verificationCertificate = verification(registrationCode);
  return world.client.send(
    new iot.RegisterCACertificateCommand({ caCertificate, verificationCertificate, setAsActive: true, ...input }),
  );
}

function idOf(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}

describe('CA certificates', () => {
  test('the registration code is stable until it is deleted', async () => {
    await using world = await ControlWorld.start();
    const first = await world.client.send(new iot.GetRegistrationCodeCommand());
    assert.match(first.registrationCode ?? '', /^[0-9a-f]{64}$/);
    const again = await world.client.send(new iot.GetRegistrationCodeCommand());
    assert.equal(again.registrationCode, first.registrationCode);
    await world.client.send(new iot.DeleteRegistrationCodeCommand());
    const other = await world.client.send(new iot.GetRegistrationCodeCommand());
    assert.notEqual(other.registrationCode, first.registrationCode);
  });

  test('a DEFAULT CA goes round: registered, described, changed, listed, deleted when it is not ACTIVE', async () => {
    await using world = await ControlWorld.start();
    const { certificateId, certificateArn } = await registerCa(world, { allowAutoRegistration: true });
    assert.equal(certificateId, idOf(deviceCa.certificate));
    assert.equal(certificateArn, `arn:aws:iot:eu-central-1:123456789012:cacert/${certificateId}`);
    const { certificateDescription: description } = await world.client.send(
      new iot.DescribeCACertificateCommand({ certificateId }),
    );
    assert.equal(description?.status, 'ACTIVE');
    assert.equal(description?.autoRegistrationStatus, 'ENABLE');
    assert.equal(description?.certificateMode, 'DEFAULT');
    assert.equal(description?.certificatePem, deviceCa.certificate);
    assert.deepEqual(description?.creationDate, new Date(startMs));
    assert.equal(description?.customerVersion, 1);
    assert.ok(description?.validity?.notAfter instanceof Date);
    await assert.rejects(
      world.client.send(new iot.DeleteCACertificateCommand({ certificateId })),
      (error) => error instanceof iot.CertificateStateException && error.$metadata.httpStatusCode === 406,
    );
    await world.client.send(new iot.UpdateCACertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    const { certificates } = await world.client.send(new iot.ListCACertificatesCommand());
    assert.deepEqual(
      certificates?.map(({ certificateId: id, status }) => [id, status]),
      [[certificateId, 'INACTIVE']],
    );
    await world.client.send(new iot.DeleteCACertificateCommand({ certificateId }));
    await assert.rejects(
      world.client.send(new iot.DescribeCACertificateCommand({ certificateId })),
      iot.ResourceNotFoundException,
    );
  });

  test('registration without being asked to activate leaves the CA INACTIVE and automatic registration off', async () => {
    await using world = await ControlWorld.start();
    const { certificateId } = await registerCa(world, { setAsActive: false });
    const { certificateDescription } = await world.client.send(new iot.DescribeCACertificateCommand({ certificateId }));
    assert.equal(certificateDescription?.status, 'INACTIVE');
    assert.equal(certificateDescription?.autoRegistrationStatus, 'DISABLE');
  });

  const other = mintCertificateAuthority('Other CA');
  const refusals: [string, () => Partial<iot.RegisterCACertificateCommandInput>, new (...rest: never[]) => Error][] = [
    ['no verification certificate', () => ({ verificationCertificate: undefined }), iot.InvalidRequestException],
    [
      'another code',
      () => ({ verificationCertificate: verification('0'.repeat(64)) }),
      iot.RegistrationCodeValidationException,
    ],
    [
      'signed by another CA',
      () => ({ verificationCertificate: verification('x', other) }),
      iot.CertificateValidationException,
    ],
    ['SNI_ONLY with a verification certificate', () => ({ certificateMode: 'SNI_ONLY' }), iot.InvalidRequestException],
    ['a leaf', () => ({ caCertificate: device().certificate }), iot.CertificateValidationException],
    ['no certificate', () => ({ caCertificate: 'nothing' }), iot.CertificateValidationException],
    [
      'SHA-1',
      () => ({ caCertificate: mintCertificateAuthority('Old', { key: 'rsa2048', signatureHash: 'sha1' }).certificate }),
      iot.CertificateValidationException,
    ],
  ];
  for (const [name, input, exception] of refusals) {
    test(`is refused: ${name}`, async () => {
      await using world = await ControlWorld.start();
      await assert.rejects(registerCa(world, input()), exception);
      assert.equal(world.account.authorities.size, 0);
    });
  }

  test('the same CA twice is 409, with where it is', async () => {
    await using world = await ControlWorld.start();
    const { certificateId, certificateArn } = await registerCa(world);
    await assert.rejects(registerCa(world), (error) => {
      assert.ok(error instanceof iot.ResourceAlreadyExistsException);
      assert.deepEqual([error.resourceId, error.resourceArn], [certificateId, certificateArn]);
      return error.$metadata.httpStatusCode === 409;
    });
  });

  test('SNI_ONLY needs no verification; an eleventh CA with the same subject is refused', async () => {
    await using world = await ControlWorld.start();
    const register = (caCertificate: string) =>
      world.client.send(new iot.RegisterCACertificateCommand({ caCertificate, certificateMode: 'SNI_ONLY' }));
    for (let count = 0; count < 10; count++) await register(mintCertificateAuthority('Same').certificate);
    await assert.rejects(register(mintCertificateAuthority('Same').certificate), iot.LimitExceededException);
  });
});

describe('device certificates', () => {
  test('registered with its CA it inherits the mode and names the CA', async () => {
    await using world = await ControlWorld.start();
    const { certificateId: caCertificateId = '' } = await registerCa(world);
    const certificatePem = device().certificate;
    const { certificateId = '' } = await world.client.send(
      new iot.RegisterCertificateCommand({ certificatePem, status: 'ACTIVE' }),
    );
    assert.equal(certificateId, idOf(certificatePem));
    const { certificateDescription } = await world.client.send(new iot.DescribeCertificateCommand({ certificateId }));
    assert.equal(certificateDescription?.caCertificateId, caCertificateId);
    assert.equal(certificateDescription?.certificateMode, 'DEFAULT');
    assert.equal(certificateDescription?.status, 'ACTIVE');
    assert.equal(certificateDescription?.certificatePem, certificatePem);
    const { certificates } = await world.client.send(new iot.ListCertificatesByCACommand({ caCertificateId }));
    assert.deepEqual(
      certificates?.map((one) => one.certificateId),
      [certificateId],
    );
    const all = await world.client.send(new iot.ListCertificatesCommand({ pageSize: 1 }));
    assert.deepEqual(all.certificates?.[0]?.certificateId, certificateId);
    await assert.rejects(
      world.client.send(new iot.RegisterCertificateCommand({ certificatePem })),
      iot.ResourceAlreadyExistsException,
    );
  });

  test('its CA must be registered and ACTIVE', async () => {
    await using world = await ControlWorld.start();
    const register = () =>
      world.client.send(new iot.RegisterCertificateCommand({ certificatePem: device().certificate }));
    await assert.rejects(register(), iot.CertificateValidationException);
    const { certificateId } = await registerCa(world, { setAsActive: false });
    await assert.rejects(register(), iot.CertificateValidationException);
    await world.client.send(new iot.UpdateCACertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
    await register();
  });

  test('two CAs with its issuer and key are a conflict until the caller says which', async () => {
    await using world = await ControlWorld.start();
    await registerCa(world);
    const renewed = mintCertificateAuthority('Fleet CA', { key: { privateKey: deviceCa.privateKey } });
    await registerCa(world, { caCertificate: renewed.certificate });
    const certificatePem = device().certificate;
    await assert.rejects(
      world.client.send(new iot.RegisterCertificateCommand({ certificatePem })),
      iot.CertificateConflictException,
    );
    const command = new iot.RegisterCertificateCommand({ certificatePem, caCertificatePem: renewed.certificate });
    const { certificateId } = await world.client.send(command);
    const { certificateDescription } = await world.client.send(new iot.DescribeCertificateCommand({ certificateId }));
    assert.equal(certificateDescription?.caCertificateId, idOf(renewed.certificate));
  });

  test('without a CA it is SNI_ONLY and INACTIVE unless told otherwise', async () => {
    await using world = await ControlWorld.start();
    const certificatePem = device().certificate;
    const { certificateId } = await world.client.send(new iot.RegisterCertificateWithoutCACommand({ certificatePem }));
    const { certificateDescription } = await world.client.send(new iot.DescribeCertificateCommand({ certificateId }));
    assert.equal(certificateDescription?.certificateMode, 'SNI_ONLY');
    assert.equal(certificateDescription?.status, 'INACTIVE');
    assert.equal(certificateDescription?.caCertificateId, undefined);
  });

  const weak: [string, string][] = [
    ['RSA-1024', mintCertificate({ subject: { commonName: 'old' }, key: 'rsa1024', issuer: deviceCa }).certificate],
    ['SHA-1', mintCertificate({ subject: { commonName: 'old' }, signatureHash: 'sha1', issuer: deviceCa }).certificate],
    ['a key of no known algorithm', withUnknownKey(device().certificate)],
    ['two certificates', device().certificate + device().certificate],
    ['no PEM', 'nothing'],
  ];
  for (const [name, certificatePem] of weak) {
    test(`is refused with CertificateValidationException: ${name}`, async () => {
      await using world = await ControlWorld.start();
      await registerCa(world);
      for (const command of [
        new iot.RegisterCertificateCommand({ certificatePem }),
        new iot.RegisterCertificateWithoutCACommand({ certificatePem }),
      ]) {
        await assert.rejects(
          world.client.send(command as iot.RegisterCertificateCommand),
          iot.CertificateValidationException,
        );
      }
    });
  }

  test('registering with PENDING_ACTIVATION, or setting it, is 406', async () => {
    await using world = await ControlWorld.start();
    const certificatePem = device().certificate;
    const register = (status: iot.CertificateStatus) =>
      world.client.send(new iot.RegisterCertificateWithoutCACommand({ certificatePem, status }));
    const isState = (error: unknown) =>
      error instanceof iot.CertificateStateException && error.$metadata.httpStatusCode === 406;
    await assert.rejects(register('PENDING_ACTIVATION'), isState);
    const { certificateId } = await register('ACTIVE');
    const update = new iot.UpdateCertificateCommand({ certificateId, newStatus: 'PENDING_ACTIVATION' });
    await assert.rejects(world.client.send(update), isState);
  });

  test('is told to its connections when it leaves ACTIVE, and only then', async () => {
    await using world = await ControlWorld.start();
    const ended: string[] = [];
    world.account.onPrincipalEnded.add((principalId) => ended.push(principalId));
    const { certificateId } = await world.client.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem: device().certificate, status: 'ACTIVE' }),
    );
    const set = (newStatus: iot.CertificateStatus) =>
      world.client.send(new iot.UpdateCertificateCommand({ certificateId, newStatus }));
    await set('ACTIVE');
    assert.deepEqual(ended, []);
    await set('REVOKED');
    await set('INACTIVE');
    assert.deepEqual(ended, [certificateId]);
  });

  test('is deleted when it is not ACTIVE and nothing is attached', async () => {
    await using world = await ControlWorld.start();
    const send = world.client.send.bind(world.client) as (command: unknown) => Promise<unknown>;
    const { certificateId, certificateArn: principal } = await world.client.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem: device().certificate, status: 'ACTIVE' }),
    );
    const policyDocument = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}';
    await send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument }));
    await send(new iot.CreateThingCommand({ thingName: 't' }));
    await send(new iot.AttachPolicyCommand({ policyName: 'p', target: principal }));
    await send(new iot.AttachThingPrincipalCommand({ thingName: 't', principal }));
    const remove = () => send(new iot.DeleteCertificateCommand({ certificateId }));
    await assert.rejects(remove(), iot.CertificateStateException);
    await send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    await assert.rejects(remove(), iot.DeleteConflictException);
    await send(new iot.DetachThingPrincipalCommand({ thingName: 't', principal }));
    await assert.rejects(remove(), iot.DeleteConflictException);
    await send(new iot.DetachPolicyCommand({ policyName: 'p', target: principal }));
    await remove();
    await assert.rejects(remove(), iot.ResourceNotFoundException);
  });

  test('the service makes keys and certificates of its own, and signs a request', async () => {
    await using world = await ControlWorld.start();
    const made = await world.client.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
    const certificate = new X509Certificate(made.certificatePem ?? '');
    assert.equal(made.certificateId, idOf(made.certificatePem ?? ''));
    assert.equal(certificate.subject, 'CN=AWS IoT Certificate');
    assert.match(made.keyPair?.PrivateKey ?? '', /BEGIN RSA PRIVATE KEY/);
    const signed = await world.client.send(
      new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest: signingRequest }),
    );
    assert.match(new X509Certificate(signed.certificatePem ?? '').subject, /CN=csr-device/);
    const broken = signingRequest.replace('undgu9', 'undgv9');
    await assert.rejects(
      world.client.send(new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest: broken })),
      iot.InvalidRequestException,
    );
  });
});

/** P-256, CN=csr-device. */
const signingRequest = `-----BEGIN CERTIFICATE REQUEST-----
MIHOMHcCAQAwFTETMBEGA1UEAwwKY3NyLWRldmljZTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABHbI1age28xa312WpElsxU6NdHC/vxgXW0LHOfMPP5WMy1/4PPiN
csInOp1EjT3561N/QYnG7UVv+FCgTBLozxKgADAKBggqhkjOPQQDAgNHADBEAiBM
T5/4Mcmtl0Fb1WAS91eoWAt7VSFJ+D5vZ98oJsVjagIgQundgu9xo9UziYB7LGnA
OKGZKJ6rc5ju+SkXA6bAPH8=
-----END CERTIFICATE REQUEST-----
`;
