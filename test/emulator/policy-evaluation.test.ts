import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readPolicyDocument } from '../../src/emulator/account/policy-document.ts';
import { evaluatePolicies } from '../../src/emulator/account/policy-evaluation.ts';
import { matchesPattern, readPolicyPattern } from '../../src/emulator/account/policy-pattern.ts';
import type { TopicAction } from '../../src/emulator/account-gate.ts';
import { readAlternativeNames } from '../../src/emulator/admission/alternative-names.ts';
import { readCertificateStructure } from '../../src/tls/certificate-structure.ts';
import { mintCertificate } from '../../src/tls/certificate-minting.ts';
import { AccountDesk, allow, arn, deny, policy } from './account-desk.ts';
import { device, deviceCa } from './control-world.ts';

function decide(document: string, action: string, resource: string, variables: Record<string, string | string[]> = {}) {
  const policies = [readPolicyDocument(document, 2_048)];
  return evaluatePolicies(policies, { action, resource: arn(resource), variables: (name) => variables[name] });
}

describe('policies', () => {
  const clientId = `\${iot:ClientId}`;
  const rows: [
    name: string,
    document: string,
    action: string,
    resource: string,
    expected: string,
    variables?: Record<string, string | string[]>,
  ][] = [
    ['nothing said', policy(allow('iot:Connect', '*')), 'iot:Publish', 'topic/x', 'implicit-deny'],
    ['allowed', policy(allow('iot:Connect', arn('client/a'))), 'iot:Connect', 'client/a', 'allowed'],
    ['another resource', policy(allow('iot:Connect', arn('client/a'))), 'iot:Connect', 'client/b', 'implicit-deny'],
    ['deny wins, before', policy(deny('iot:*', '*'), allow('iot:*', '*')), 'iot:Connect', 'client/a', 'explicit-deny'],
    [
      'deny wins, behind',
      policy(allow('iot:*', '*'), deny('iot:Publish', arn('topic/x'))),
      'iot:Publish',
      'topic/x',
      'explicit-deny',
    ],
    [
      'deny of another topic',
      policy(allow('iot:*', '*'), deny('iot:Publish', arn('topic/x'))),
      'iot:Publish',
      'topic/y',
      'allowed',
    ],
    ['* spans levels', policy(allow('iot:Publish', arn('topic/a/*'))), 'iot:Publish', 'topic/a/b/c', 'allowed'],
    ['* inside', policy(allow('iot:Publish', arn('topic/a/*/z'))), 'iot:Publish', 'topic/a/b/c/z', 'allowed'],
    ['? is one character', policy(allow('iot:Publish', arn('topic/a?'))), 'iot:Publish', 'topic/ab', 'allowed'],
    ['? is not none', policy(allow('iot:Publish', arn('topic/a?'))), 'iot:Publish', 'topic/a', 'implicit-deny'],
    [
      '# is itself',
      policy(allow('iot:Subscribe', arn('topicfilter/some/#'))),
      'iot:Subscribe',
      'topicfilter/some/#',
      'allowed',
    ],
    [
      '# is no wildcard',
      policy(allow('iot:Subscribe', arn('topicfilter/some/#'))),
      'iot:Subscribe',
      'topicfilter/some/x',
      'implicit-deny',
    ],
    [
      'a filter with + needs + or *',
      policy(allow('iot:Subscribe', arn('topicfilter/a/+/b'))),
      'iot:Subscribe',
      'topicfilter/a/+/b',
      'allowed',
    ],
    [
      '* meets a filter with +',
      policy(allow('iot:Subscribe', arn('topicfilter/a/*/b'))),
      'iot:Subscribe',
      'topicfilter/a/+/b',
      'allowed',
    ],
    [
      '+ does not meet a level',
      policy(allow('iot:Publish', arn('topic/a/+/b'))),
      'iot:Publish',
      'topic/a/x/b',
      'implicit-deny',
    ],
    ['actions with wildcards', policy(allow('iot:*Publish', '*')), 'iot:RetainPublish', 'topic/x', 'allowed'],
    [
      'RetainPublish is its own action',
      policy(allow('iot:Publish', '*')),
      'iot:RetainPublish',
      'topic/x',
      'implicit-deny',
    ],
    [
      'lists',
      policy(allow(['iot:Connect', 'iot:Publish'], [arn('client/a'), arn('topic/x')])),
      'iot:Publish',
      'topic/x',
      'allowed',
    ],
    [
      'a variable',
      policy(allow('iot:Connect', arn(`client/${clientId}`))),
      'iot:Connect',
      'client/m',
      'allowed',
      { 'iot:ClientId': 'm' },
    ],
    [
      'a variable of another',
      policy(allow('iot:Publish', arn(`topic/${clientId}/*`))),
      'iot:Publish',
      'topic/n/x',
      'implicit-deny',
      { 'iot:ClientId': 'm' },
    ],
    [
      'a variable without value',
      policy(allow('iot:Connect', arn(`client/${clientId}`))),
      'iot:Connect',
      `client/${clientId}`,
      'implicit-deny',
    ],
    ...['*', '$', '+', '?', '#'].map((sign): (typeof rows)[number] => [
      `a value with ${sign} is not put in`,
      policy(allow('iot:Publish', arn(`topic/${clientId}`))),
      'iot:Publish',
      `topic/a${sign}`,
      'implicit-deny',
      { 'iot:ClientId': `a${sign}` },
    ]),
    [
      'a value of 1024 characters is',
      policy(allow('iot:Publish', arn(`topic/${clientId}`))),
      'iot:Publish',
      `topic/${'a'.repeat(1_024)}`,
      'allowed',
      { 'iot:ClientId': 'a'.repeat(1_024) },
    ],
    [
      'a value of 1025 is not',
      policy(allow('iot:Publish', arn(`topic/${clientId}`))),
      'iot:Publish',
      `topic/${'a'.repeat(1_025)}`,
      'implicit-deny',
      { 'iot:ClientId': 'a'.repeat(1_025) },
    ],
    [
      'StringEquals',
      policy(allow('iot:Connect', '*', { StringEquals: { 'iot:ClientId': 'm' } })),
      'iot:Connect',
      'client/m',
      'allowed',
      { 'iot:ClientId': 'm' },
    ],
    [
      'StringEquals is exact',
      policy(allow('iot:Connect', '*', { StringEquals: { 'iot:ClientId': 'm*' } })),
      'iot:Connect',
      'client/mm',
      'implicit-deny',
      { 'iot:ClientId': 'mm' },
    ],
    [
      'StringLike',
      policy(allow('iot:Connect', '*', { StringLike: { 'iot:ClientId': ['a', 'm*'] } })),
      'iot:Connect',
      'client/mm',
      'allowed',
      { 'iot:ClientId': 'mm' },
    ],
    [
      'StringNotEquals',
      policy(allow('iot:Connect', '*', { StringNotEquals: { 'iot:ClientId': 'm' } })),
      'iot:Connect',
      'client/m',
      'implicit-deny',
      { 'iot:ClientId': 'm' },
    ],
    [
      'a condition on what is not there',
      policy(allow('iot:Connect', '*', { StringEquals: { 'iot:ClientId': 'm' } })),
      'iot:Connect',
      'client/m',
      'implicit-deny',
    ],
    [
      'IfExists',
      policy(allow('iot:Connect', '*', { StringEqualsIfExists: { 'iot:ClientId': 'm' } })),
      'iot:Connect',
      'client/m',
      'allowed',
    ],
    [
      'both conditions',
      policy(allow('iot:Connect', '*', { StringEquals: { a: '1', b: '2' } })),
      'iot:Connect',
      'client/m',
      'implicit-deny',
      { a: '1', b: '3' },
    ],
    [
      'ForAnyValue',
      policy(allow('iot:Connect', '*', { 'ForAnyValue:StringEquals': { l: ['x', 'y'] } })),
      'iot:Connect',
      'client/m',
      'allowed',
      { l: ['y', 'z'] },
    ],
    [
      'ForAllValues',
      policy(allow('iot:Connect', '*', { 'ForAllValues:StringEquals': { l: ['x', 'y'] } })),
      'iot:Connect',
      'client/m',
      'implicit-deny',
      { l: ['y', 'z'] },
    ],
    [
      'ForAllValues of none',
      policy(allow('iot:Connect', '*', { 'ForAllValues:StringEquals': { l: ['x'] } })),
      'iot:Connect',
      'client/m',
      'allowed',
      { l: [] },
    ],
    [
      'Bool',
      policy(allow('iot:Connect', '*', { Bool: { b: ['true'] } })),
      'iot:Connect',
      'client/m',
      'allowed',
      { b: 'true' },
    ],
    [
      'Bool false',
      policy(allow('iot:Connect', '*', { Bool: { b: true } })),
      'iot:Connect',
      'client/m',
      'implicit-deny',
      { b: 'false' },
    ],
    [
      'IpAddress',
      policy(allow('iot:Connect', '*', { IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } })),
      'iot:Connect',
      'client/m',
      'allowed',
      { 'aws:SourceIp': '203.0.113.9' },
    ],
    [
      'NotIpAddress',
      policy(allow('iot:Connect', '*', { NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } })),
      'iot:Connect',
      'client/m',
      'implicit-deny',
      { 'aws:SourceIp': '203.0.113.9' },
    ],
    ['Null', policy(allow('iot:Connect', '*', { Null: { x: 'true' } })), 'iot:Connect', 'client/m', 'allowed'],
    [
      'a variable in a condition',
      policy(allow('iot:Connect', '*', { StringEquals: { a: `\${b}` } })),
      'iot:Connect',
      'client/m',
      'allowed',
      { a: 'x', b: 'x' },
    ],
  ];
  for (const [name, document, action, resource, expected, variables] of rows) {
    test(name, () => assert.equal(decide(document, action, resource, variables), expected));
  }

  test('patterns match what a regular expression matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 8 });
    const topic = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 });
    fc.assert(
      fc.property(text, topic, (pattern, name) => {
        const form = new RegExp(`^${pattern.replaceAll('?', '.').replaceAll('*', '.*')}$`, 's');
        assert.equal(matchesPattern(readPolicyPattern(pattern), name), form.test(name));
      }),
    );
  });

  test('a pattern of many wildcards is quick', () => {
    const pattern = readPolicyPattern(`${'*a'.repeat(200)}b`);
    const startMs = performance.now();
    assert.equal(matchesPattern(pattern, 'a'.repeat(256)), false);
    assert.ok(performance.now() - startMs < 1_000);
  });
});

describe('a certificate and its thing in policies', () => {
  const meter = mintCertificate({
    subject: {
      commonName: ['meter-7', 'second'],
      organization: 'Acme',
      organizationalUnits: ['a', 'b', 'c', 'd', 'e', 'f'],
    },
    dnsNames: ['meter-7.example.com'],
    issuer: deviceCa,
    serialNumber: '7f01',
  });
  const values: [variable: string, value: string | undefined][] = [
    ['iot:ClientId', 'meter-7'],
    ['aws:SourceIp', '203.0.113.9'],
    ['iot:Certificate.Subject.CommonName', 'meter-7'],
    ['iot:Certificate.Subject.CommonName.1', 'second'],
    ['iot:Certificate.Subject.CommonName.2', undefined],
    ['iot:Certificate.Subject.Organization', 'Acme'],
    ['iot:Certificate.Subject.OrganizationalUnit.4', 'e'],
    ['iot:Certificate.Subject.OrganizationalUnit.5', undefined],
    ['iot:Certificate.Subject.OrganizationalUnit.List', undefined],
    ['iot:Certificate.Subject.Country', undefined],
    ['iot:Certificate.Issuer.CommonName', 'Fleet CA'],
    ['iot:Certificate.Subject.AlternativeName.DNSName', 'meter-7.example.com'],
    ['iot:Certificate.SerialNumber', '7f01'],
    ['iot:Connection.Thing.ThingName', 'meter-7'],
    ['iot:Connection.Thing.ThingTypeName', 'meter'],
    ['iot:Connection.Thing.Attributes[site]', 'north'],
    ['iot:Connection.Thing.Attributes[none]', undefined],
    ['iot:Connection.Thing.IsAttached', 'true'],
    ['iot:Nothing', undefined],
  ];
  for (const [variable, value] of values) {
    test(`${variable} is ${value ?? 'not put in'}`, async () => {
      const desk = new AccountDesk();
      const document = policy(allow('iot:Connect', '*'), allow('iot:Publish', arn(`topic/is/\${${variable}}`)));
      const principal = desk.addDevice(meter, document);
      desk.call('CreateThingType', { thingTypeName: 'meter' });
      desk.call('CreateThing', {
        thingName: 'meter-7',
        thingTypeName: 'meter',
        attributePayload: { attributes: { site: 'north' } },
      });
      desk.call('AttachThingPrincipal', { thingName: 'meter-7', principal });
      const admission = await desk.admit(meter);
      assert.ok(admission.admitted);
      assert.equal(admission.client.allows('iot:Publish', `is/${value ?? ''}`), value !== undefined);
    });
  }

  test('malformed alternative names are none, and what stands before them counts', () => {
    const structure = readCertificateStructure(new X509Certificate(meter.certificate).raw);
    assert.deepEqual(readAlternativeNames(structure).dnsNames, ['meter-7.example.com']);
    const der = Buffer.from(structure.der);
    const at = der.indexOf('meter-7.example.com');
    der[at - 1] = 0x7f;
    assert.deepEqual(readAlternativeNames({ ...structure, der }).dnsNames, []);
    const cut = { der: Buffer.of(0xa3, 0x05), extensionsStart: 0, extensionsEnd: 2 };
    assert.deepEqual(readAlternativeNames(cut).dnsNames, []);
  });

  test('lists in conditions', async () => {
    const units = { 'iot:Certificate.Subject.OrganizationalUnit.List': ['e'] };
    const available = { 'iot:Certificate.AvailableKeys': ['iot:Certificate.Subject.Organization'] };
    for (const condition of [units, available]) {
      const desk = new AccountDesk();
      desk.addDevice(meter, policy(allow('iot:Connect', '*', { 'ForAnyValue:StringEquals': condition })));
      assert.equal(await desk.outcome(meter), 'admitted');
    }
    const desk = new AccountDesk();
    desk.addDevice(
      meter,
      policy(
        allow('iot:Connect', '*', {
          'ForAnyValue:StringEquals': { 'iot:Certificate.Subject.OrganizationalUnit.List': 'f' },
        }),
      ),
    );
    assert.equal(await desk.outcome(meter), 'not-authorized', 'a sixth value is cut');
  });

  test('persistent sessions and wills can be asked for as conditions, and an unconditioned Allow permits both', async () => {
    const will = { topic: 'will', retain: false };
    const wills = allow('iot:Publish', arn('topic/will'));
    const only = (values: string[]) =>
      policy(wills, allow('iot:Connect', '*', { 'ForAllValues:StringEquals': { 'iot:ConnectAttributes': values } }));
    const rows: [string, boolean, typeof will | undefined, string][] = [
      [only(['PersistentConnect']), true, undefined, 'admitted'],
      [only(['PersistentConnect']), true, will, 'not-authorized'],
      [only(['LastWill']), false, will, 'admitted'],
      [only(['LastWill']), true, will, 'not-authorized'],
      [only(['LastWill']), false, undefined, 'admitted'],
      [policy(wills, allow('iot:Connect', '*')), true, will, 'admitted'],
    ];
    for (const [document, persistent, given, expected] of rows) {
      const desk = new AccountDesk();
      desk.addDevice(meter, document);
      assert.equal(await desk.outcome(meter, { persistent, will: given }), expected);
    }
  });

  test('a will needs its topic, and a retained one RetainPublish', async () => {
    const connect = allow('iot:Connect', '*');
    const rows: [object[], boolean, string][] = [
      [[connect], false, 'not-authorized'],
      [[connect, allow('iot:Publish', arn('topic/will'))], false, 'admitted'],
      [[connect, allow('iot:Publish', arn('topic/will'))], true, 'not-authorized'],
      [[connect, allow(['iot:Publish', 'iot:RetainPublish'], arn('topic/will'))], true, 'admitted'],
    ];
    for (const [statements, retain, expected] of rows) {
      const desk = new AccountDesk();
      desk.addDevice(meter, policy(...statements));
      assert.equal(await desk.outcome(meter, { will: { topic: 'will', retain } }), expected);
    }
  });

  test('each action asks about its own kind of resource, and a change counts at once', async () => {
    const desk = new AccountDesk();
    const principal = desk.addDevice(
      meter,
      policy(allow('iot:Connect', '*'), allow('iot:*', [arn('topic/a'), arn('topicfilter/f')])),
    );
    const admission = await desk.admit(meter);
    assert.ok(admission.admitted);
    const rows: [TopicAction, string, boolean][] = [
      ['iot:Publish', 'a', true],
      ['iot:RetainPublish', 'a', true],
      ['iot:Receive', 'a', true],
      ['iot:Subscribe', 'f', true],
      ['iot:Publish', 'f', false],
      ['iot:Subscribe', 'a', false],
    ];
    for (const [action, name, expected] of rows)
      assert.equal(admission.client.allows(action, name), expected, `${action} ${name}`);
    desk.call('DetachPolicy', { policyName: 'policy-0', target: principal });
    assert.equal(admission.client.allows('iot:Publish', 'a'), false);
  });

  test('IsAttached keeps out who has a certificate without a thing', async () => {
    const desk = new AccountDesk();
    const document = policy(allow('iot:Connect', '*', { Bool: { 'iot:Connection.Thing.IsAttached': ['true'] } }));
    const principal = desk.addDevice(meter, document);
    assert.equal(await desk.outcome(meter), 'not-authorized');
    desk.call('CreateThing', { thingName: 'other' });
    desk.call('AttachThingPrincipal', { thingName: 'other', principal });
    assert.equal(await desk.outcome(meter), 'not-authorized', 'the client ID is not the thing');
    desk.call('DetachThingPrincipal', { thingName: 'other', principal });
    desk.call('AttachThingPrincipal', { thingName: 'other', principal, thingPrincipalType: 'EXCLUSIVE_THING' });
    assert.equal(await desk.outcome(meter), 'admitted', 'the thing has it for itself, whatever the client ID');
  });
});

describe('message enrichment', () => {
  test('carries what the type says of the thing and the connection', async () => {
    const desk = new AccountDesk();
    const meter = device('enriched');
    const target = desk.addDevice(meter, policy(allow('iot:*', '*')));
    const propagatingAttributes = [
      { userPropertyKey: 'site', thingAttribute: 'site' },
      { userPropertyKey: 'none', thingAttribute: 'none' },
      { userPropertyKey: 'client', connectionAttribute: 'iot:ClientId' },
      { userPropertyKey: 'thing', connectionAttribute: 'iot:Thing.ThingName' },
    ];
    desk.call('CreateThingType', {
      thingTypeName: 'meter',
      thingTypeProperties: { mqtt5Configuration: { propagatingAttributes } },
    });
    desk.call('CreateThing', {
      thingName: 't',
      thingTypeName: 'meter',
      attributePayload: { attributes: { site: 'north' } },
    });
    const admission = await desk.admit(meter);
    assert.ok(admission.admitted);
    assert.deepEqual(admission.client.propagatedAttributes(), []);
    desk.call('AttachThingPrincipal', { thingName: 't', principal: target, thingPrincipalType: 'EXCLUSIVE_THING' });
    assert.equal(admission.client.thingName(), 't');
    assert.deepEqual(admission.client.propagatedAttributes(), [
      ['site', 'north'],
      ['client', 'meter-7'],
      ['thing', 't'],
    ]);
  });
});
