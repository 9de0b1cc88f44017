import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { mintCertificate, mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { AccountDesk, allow, certificateId, policy } from './account-desk.ts';
import { device, deviceCa, withUnknownKey } from './control-world.ts';

function status(desk: AccountDesk, certificate: { readonly certificate: string }): string | undefined {
  return desk.account.certificates.find(certificateId(certificate))?.status;
}

function event(desk: AccountDesk, index: number): Record<string, unknown> {
  return JSON.parse(desk.published[index]?.payload.toString() ?? 'null');
}

describe('just-in-time registration', () => {
  test('the first CONNECT registers PENDING_ACTIVATION, publishes the event and is refused; so is the next', async () => {
    const desk = new AccountDesk();
    const caCertificateId = desk.addAuthority();
    const meter = device();
    assert.equal(desk.gate.accepts(desk.connection()), true);
    assert.equal(desk.account.certificates.size, 0, 'a handshake alone registers nothing');
    assert.equal(await desk.outcome(meter), 'pending');
    assert.equal(status(desk, meter), 'PENDING_ACTIVATION');
    const described = desk.call('DescribeCertificate', { certificateId: certificateId(meter) });
    assert.equal(described.certificateDescription?.caCertificateId, caCertificateId);
    assert.equal(desk.published[0]?.topic, `$aws/events/certificates/registered/${caCertificateId}`);
    assert.deepEqual(event(desk, 0), {
      certificateId: certificateId(meter),
      caCertificateId,
      timestamp: desk.nowMs,
      certificateStatus: 'PENDING_ACTIVATION',
      awsAccountId: '123456789012',
      certificateRegistrationTimestamp: null,
      clientId: 'meter-7',
    });
    const registeredMs = desk.nowMs;
    desk.nowMs += 5_000;
    assert.equal(await desk.outcome(meter), 'pending');
    assert.equal(event(desk, 1)['certificateRegistrationTimestamp'], String(registeredMs));
    assert.equal(event(desk, 1)['timestamp'], registeredMs + 5_000);
    assert.equal(desk.published.length, 2);
  });

  test('activated and with a policy it is admitted', async () => {
    const desk = new AccountDesk();
    desk.addAuthority();
    const meter = device();
    await desk.outcome(meter);
    desk.call('UpdateCertificate', { certificateId: certificateId(meter), newStatus: 'ACTIVE' });
    assert.equal(await desk.outcome(meter), 'not-authorized');
    desk.call('CreatePolicy', { policyName: 'p', policyDocument: policy(allow('iot:Connect', '*')) });
    const target = desk.account.certificates.get(certificateId(meter)).arn;
    desk.call('AttachPolicy', { policyName: 'p', target });
    assert.equal(await desk.outcome(meter), 'admitted');
  });

  test('the event leaves the client ID out when it is told to', async () => {
    const desk = new AccountDesk({}, { registrationEventTellsClientId: false });
    desk.addAuthority();
    await desk.outcome(device());
    assert.equal('clientId' in event(desk, 0), false);
  });

  const noRegistration: [string, (desk: AccountDesk) => unknown][] = [
    ['no CA', () => undefined],
    ['CA INACTIVE', (desk) => desk.addAuthority({ setAsActive: false })],
    ['automatic registration off', (desk) => desk.addAuthority({ allowAutoRegistration: false })],
    [
      'another CA of the name',
      (desk) => desk.addAuthority({ caCertificate: mintCertificateAuthority('Fleet CA').certificate }),
    ],
  ];
  for (const [name, prepare] of noRegistration) {
    test(`registers nothing: ${name}`, async () => {
      const desk = new AccountDesk();
      prepare(desk);
      assert.equal(await desk.outcome(device()), 'unknown-certificate');
      assert.equal(desk.account.certificates.size, 0);
      assert.equal(desk.published.length, 0);
    });
  }

  test('without SNI the device has to send its CA along, and SNI_ONLY never does', async () => {
    const registrationCode = '12'.repeat(32);
    const desk = new AccountDesk();
    desk.account.settings.registrationCode = registrationCode;
    const withoutSni = { connection: { serverName: undefined } };
    const chain = (meter: ReturnType<typeof device>) =>
      [meter, deviceCa].map(({ certificate }) => new X509Certificate(certificate).raw);
    const one = device();
    const sniOnly = desk.addAuthority();
    assert.equal(
      await desk.outcome(one, { connection: { serverName: undefined, certificates: chain(one) } }),
      'unknown-certificate',
    );
    desk.call('UpdateCACertificate', { certificateId: sniOnly, newStatus: 'INACTIVE' });
    desk.call('DeleteCACertificate', { certificateId: sniOnly });
    const verificationCertificate = mintCertificate({
      subject: { commonName: registrationCode },
      issuer: deviceCa,
    }).certificate;
    desk.addAuthority({ certificateMode: 'DEFAULT', verificationCertificate });
    assert.equal(await desk.outcome(one, withoutSni), 'unknown-certificate');
    assert.equal(
      await desk.outcome(one, { connection: { serverName: undefined, certificates: chain(one) } }),
      'pending',
    );
  });

  test('the quota: what comes above it in a second is not registered, and is a second later', async () => {
    const desk = new AccountDesk({ limits: { registrationsPerSecond: 2 } });
    desk.addAuthority();
    const meters = [device('a'), device('b'), device('c')];
    const outcomes = [];
    for (const meter of meters) outcomes.push(await desk.outcome(meter));
    assert.deepEqual(outcomes, ['pending', 'pending', 'unknown-certificate']);
    assert.equal(desk.account.certificates.size, 2);
    assert.equal(desk.published.length, 2);
    desk.nowMs += 1_000;
    assert.equal(await desk.outcome(meters[2]), 'pending');
  });

  test('a weak certificate is not registered', async () => {
    const desk = new AccountDesk();
    desk.addAuthority();
    const subject = { commonName: 'old' };
    const small = mintCertificate({ subject, key: 'rsa1024', issuer: deviceCa });
    const old = mintCertificate({ subject, signatureHash: 'sha1', issuer: deviceCa });
    assert.equal(await desk.outcome(small), 'unknown-certificate');
    assert.equal(await desk.outcome(old), 'unknown-certificate');
    const odd = device();
    assert.equal(await desk.outcome({ ...odd, certificate: withUnknownKey(odd.certificate) }), 'unknown-certificate');
    assert.equal(desk.account.certificates.size, 0);
  });

  test('an expired certificate is registered: validity is not looked at', async () => {
    const desk = new AccountDesk();
    desk.addAuthority();
    const notBefore = new Date('2020-01-01');
    const expired = mintCertificate({
      subject: { commonName: 'x' },
      issuer: deviceCa,
      notBefore,
      notAfter: new Date('2021-01-01'),
    });
    assert.equal(await desk.outcome(expired), 'pending');
  });

  test('an account that is full registers no more', async () => {
    const desk = new AccountDesk({ limits: { certificates: 1 } });
    desk.addAuthority();
    assert.equal(await desk.outcome(device('a')), 'pending');
    assert.equal(await desk.outcome(device('b')), 'unknown-certificate');
  });
});

const template = {
  Parameters: {
    'AWS::IoT::Certificate::CommonName': { Type: 'String' },
    'AWS::IoT::Certificate::Id': { Type: 'String' },
    Site: { Type: 'String', Default: 'north' },
  },
  Resources: {
    thing: {
      Type: 'AWS::IoT::Thing',
      Properties: {
        ThingName: { 'Fn::Join': ['', ['thing-', { Ref: 'AWS::IoT::Certificate::CommonName' }]] },
        AttributePayload: { site: { Ref: 'Site' } },
        ThingGroups: ['fleet'],
      },
      OverrideSettings: { AttributePayload: 'MERGE' },
    },
    certificate: {
      Type: 'AWS::IoT::Certificate',
      Properties: {
        CertificateId: { Ref: 'AWS::IoT::Certificate::Id' },
        Status: 'Active',
        ThingPrincipalType: 'EXCLUSIVE_THING',
      },
    },
    policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyDocument: policy(allow('iot:*', '*')) } },
  },
};
const roleArn = 'arn:aws:iam::123456789012:role/provisioning';

describe('just-in-time provisioning', () => {
  function provisioningDesk(document: object = template) {
    const desk = new AccountDesk();
    desk.addAuthority({ registrationConfig: { templateBody: JSON.stringify(document), roleArn } });
    desk.call('CreateThingGroup', { thingGroupName: 'fleet' });
    return desk;
  }

  test('the first CONNECT is refused, the second admitted: thing, group, policy and status as the template says', async () => {
    const desk = provisioningDesk();
    const meter = device();
    assert.equal(await desk.outcome(meter), 'pending');
    assert.equal(status(desk, meter), 'ACTIVE');
    assert.equal(await desk.outcome(meter), 'admitted');
    const principal = desk.account.certificates.get(certificateId(meter)).arn;
    assert.deepEqual(desk.call('ListPrincipalThingsV2', { principal }).principalThingObjects, [
      { thingName: 'thing-meter-7', thingPrincipalType: 'EXCLUSIVE_THING' },
    ]);
    assert.deepEqual(desk.call('DescribeThing', { thingName: 'thing-meter-7' }).attributes, { site: 'north' });
    assert.deepEqual(desk.call('ListThingsInThingGroup', { thingGroupName: 'fleet' }).things, ['thing-meter-7']);
    assert.equal(desk.published.length, 0, 'no registration event');
  });

  test('a policy document is made into one policy, however many certificates have it', async () => {
    const desk = provisioningDesk();
    await desk.outcome(device('a'));
    await desk.outcome(device('b'));
    assert.equal(desk.account.policies.size, 1);
  });

  test('a thing that exists keeps what the template does not override', async () => {
    const desk = provisioningDesk();
    desk.call('CreateThing', {
      thingName: 'thing-meter-7',
      attributePayload: { attributes: { floor: '3', site: 'south' } },
    });
    await desk.outcome(device());
    assert.deepEqual(desk.call('DescribeThing', { thingName: 'thing-meter-7' }).attributes, {
      floor: '3',
      site: 'north',
    });
  });

  test('a parameter that the subject does not give fails it, and the certificate stays pending', async () => {
    const Parameters = { ...template.Parameters, 'AWS::IoT::Certificate::Country': { Type: 'String' } };
    const desk = provisioningDesk({ ...template, Parameters });
    const meter = device();
    assert.equal(await desk.outcome(meter), 'pending');
    assert.equal(await desk.outcome(meter), 'pending');
    assert.equal(status(desk, meter), 'PENDING_ACTIVATION');
    assert.equal(desk.account.things.size, 0);
  });

  test('a template by name has to be of type JITP and enabled', async () => {
    const desk = new AccountDesk();
    desk.call('CreateThingGroup', { thingGroupName: 'fleet' });
    const create = (templateName: string, type: 'JITP' | 'FLEET_PROVISIONING') =>
      desk.call('CreateProvisioningTemplate', {
        ...{ templateName, type, templateBody: JSON.stringify(template), provisioningRoleArn: roleArn },
      });
    create('fleet', 'FLEET_PROVISIONING');
    assert.throws(() => desk.addAuthority({ registrationConfig: { templateName: 'fleet' } }), /not of type JITP/);
    create('jitp', 'JITP');
    desk.addAuthority({ registrationConfig: { templateName: 'jitp' } });
    const meter = device();
    await desk.outcome(meter);
    assert.equal(status(desk, meter), 'PENDING_ACTIVATION');
    desk.call('UpdateProvisioningTemplate', { templateName: 'jitp', enabled: true });
    await desk.outcome(meter);
    assert.equal(status(desk, meter), 'ACTIVE');
  });
});

describe('RegisterThing', () => {
  test('does what a template says for a certificate that is registered', () => {
    const desk = new AccountDesk();
    desk.call('CreateThingGroup', { thingGroupName: 'fleet' });
    const meter = device();
    const arn = desk.addDevice(meter);
    const parameters = {
      'AWS::IoT::Certificate::Id': certificateId(meter),
      'AWS::IoT::Certificate::CommonName': 'x',
      Site: 'west',
    };
    const answer = desk.call('RegisterThing', { templateBody: JSON.stringify(template), parameters });
    assert.equal(answer.resourceArns?.['certificate'], arn);
    assert.deepEqual(desk.call('DescribeThing', { thingName: 'thing-x' }).attributes, { site: 'west' });
  });
});
