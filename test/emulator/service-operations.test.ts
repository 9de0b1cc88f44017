import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as iot from '@aws-sdk/client-iot';
import { operationTable } from '../../src/emulator/control/operation-table.ts';
import { allow, arn, policy } from './account-desk.ts';
import { allowAll, ControlWorld, device, tokenKeys } from './control-world.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:authorizer';
const serverCertificateArns = ['arn:aws:acm:eu-central-1:123456789012:certificate/1'];
const roleArn = 'arn:aws:iam::123456789012:role/rules';

describe('authorizers', () => {
  const wanted = {
    authorizerName: 'gateway',
    authorizerFunctionArn: functionArn,
    tokenKeyName: 'token',
    tokenSigningPublicKeys: { first: tokenKeys.publicKey },
  };

  test('go round; in use or ACTIVE they are not deleted', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const made = await client.send(new iot.CreateAuthorizerCommand({ ...wanted, status: 'ACTIVE' }));
    assert.equal(made.authorizerArn, arn('authorizer/gateway'));
    await assert.rejects(client.send(new iot.CreateAuthorizerCommand(wanted)), iot.ResourceAlreadyExistsException);
    await assert.rejects(client.send(new iot.DescribeDefaultAuthorizerCommand()), iot.ResourceNotFoundException);
    await client.send(new iot.SetDefaultAuthorizerCommand({ authorizerName: 'gateway' }));
    const { authorizerDescription } = await client.send(new iot.DescribeDefaultAuthorizerCommand());
    assert.deepEqual(authorizerDescription?.tokenSigningPublicKeys, wanted.tokenSigningPublicKeys);
    assert.deepEqual([authorizerDescription?.status, authorizerDescription?.signingDisabled], ['ACTIVE', false]);
    const remove = () => client.send(new iot.DeleteAuthorizerCommand({ authorizerName: 'gateway' }));
    await assert.rejects(remove(), iot.DeleteConflictException);
    await client.send(new iot.ClearDefaultAuthorizerCommand());
    await assert.rejects(remove(), iot.DeleteConflictException);
    await client.send(new iot.UpdateAuthorizerCommand({ authorizerName: 'gateway', status: 'INACTIVE' }));
    const { authorizers } = await client.send(new iot.ListAuthorizersCommand({ status: 'INACTIVE' }));
    assert.deepEqual(
      authorizers?.map(({ authorizerName }) => authorizerName),
      ['gateway'],
    );
    await remove();
    const describeCommand = new iot.DescribeAuthorizerCommand({ authorizerName: 'gateway' });
    await assert.rejects(client.send(describeCommand), iot.ResourceNotFoundException);
  });

  test('with signing they need a token key name and RSA keys; without they need neither', async () => {
    await using world = await ControlWorld.start();
    const create = (input: Partial<iot.CreateAuthorizerCommandInput>) =>
      world.client.send(new iot.CreateAuthorizerCommand({ ...wanted, ...input }));
    await assert.rejects(create({ tokenKeyName: undefined }), iot.InvalidRequestException);
    await assert.rejects(create({ tokenSigningPublicKeys: {} }), iot.InvalidRequestException);
    await assert.rejects(create({ tokenSigningPublicKeys: { a: 'no key' } }), iot.InvalidRequestException);
    await create({ tokenKeyName: undefined, tokenSigningPublicKeys: undefined, signingDisabled: true });
  });

  test('ten to an account', async () => {
    await using world = await ControlWorld.start();
    const create = (index: number) =>
      world.client.send(
        new iot.CreateAuthorizerCommand({
          authorizerName: `a${index}`,
          authorizerFunctionArn: functionArn,
          signingDisabled: true,
        }),
      );
    for (let index = 0; index < 10; index++) await create(index);
    await assert.rejects(create(10), iot.LimitExceededException);
  });

  test('TestInvokeAuthorizer calls the function with what it is given', async () => {
    const events: unknown[] = [];
    const handler = (event: unknown) => {
      events.push(event);
      const times = { disconnectAfterInSeconds: 3_600, refreshAfterInSeconds: 300 };
      return { isAuthenticated: true, principalId: 'meter7', policyDocuments: [allowAll], ...times };
    };
    await using world = await ControlWorld.start({ account: { functions: new Map([[functionArn, handler]]) } });
    await world.client.send(new iot.CreateAuthorizerCommand({ ...wanted, status: 'ACTIVE' }));
    const tokenSignature = sign('sha256', Buffer.from('t'), tokenKeys.privateKey).toString('base64');
    const mqttContext = { username: 'u', password: Buffer.from('secret'), clientId: 'meter-7' };
    const ask = (token: string) =>
      world.client.send(
        new iot.TestInvokeAuthorizerCommand({ authorizerName: 'gateway', token, tokenSignature, mqttContext }),
      );
    const answer = await ask('t');
    assert.deepEqual(
      [answer.isAuthenticated, answer.principalId, answer.policyDocuments],
      [true, 'meter7', [allowAll]],
    );
    assert.deepEqual((events[0] as { protocolData: unknown }).protocolData, {
      mqtt: { username: 'u', password: Buffer.from('secret').toString('base64'), clientId: 'meter-7' },
    });
    await assert.rejects(ask('other'), iot.InvalidRequestException);
    assert.equal(events.length, 1, 'a bad signature does not reach the function');
  });
});

describe('domain configurations', () => {
  test('the endpoint has one from the first day, which cannot be deleted but may get another TLS policy', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const name = { domainConfigurationName: 'iot:Data-ATS' };
    const { endpointAddress } = await client.send(new iot.DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }));
    const described = await client.send(new iot.DescribeDomainConfigurationCommand(name));
    assert.deepEqual([described.domainName, described.domainType], [endpointAddress, 'ENDPOINT']);
    assert.equal(described.tlsConfig?.securityPolicy, 'IoTSecurityPolicy_TLS13_1_2_2022_10');
    await assert.rejects(client.send(new iot.DeleteDomainConfigurationCommand(name)), iot.InvalidRequestException);
    const securityPolicy = 'IoTSecurityPolicy_TLS12_1_2_2022_10';
    await client.send(new iot.UpdateDomainConfigurationCommand({ ...name, tlsConfig: { securityPolicy } }));
    const changed = await client.send(new iot.DescribeDomainConfigurationCommand(name));
    assert.equal(changed.tlsConfig?.securityPolicy, securityPolicy);
    const wrong = new iot.UpdateDomainConfigurationCommand({ ...name, tlsConfig: { securityPolicy: 'mine' } });
    await assert.rejects(client.send(wrong), iot.InvalidRequestException);
  });

  test('of an own domain goes round; it is disabled before it is deleted', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const domainConfigurationName = 'fleet';
    const create = (input: Partial<iot.CreateDomainConfigurationCommandInput>) =>
      client.send(
        new iot.CreateDomainConfigurationCommand({
          ...{ domainConfigurationName, domainName: 'mqtt.example.com', serverCertificateArns },
          ...input,
        }),
      );
    const made = await create({ authenticationType: 'AWS_X509', applicationProtocol: 'SECURE_MQTT' });
    assert.match(made.domainConfigurationArn ?? '', /:domainconfiguration\/fleet\/[0-9a-f]{5}$/);
    await assert.rejects(create({ domainConfigurationName: 'other' }), iot.ResourceAlreadyExistsException);
    const clientCertificateConfig = { clientCertificateCallbackArn: functionArn };
    await client.send(new iot.UpdateDomainConfigurationCommand({ domainConfigurationName, clientCertificateConfig }));
    const described = await client.send(new iot.DescribeDomainConfigurationCommand({ domainConfigurationName }));
    assert.deepEqual(described.clientCertificateConfig, clientCertificateConfig);
    assert.deepEqual(described.serverCertificates, [
      { serverCertificateArn: serverCertificateArns[0], serverCertificateStatus: 'VALID' },
    ]);
    assert.deepEqual([described.domainType, described.domainConfigurationStatus], ['CUSTOMER_MANAGED', 'ENABLED']);
    const { domainConfigurations = [] } = await client.send(new iot.ListDomainConfigurationsCommand());
    assert.deepEqual(
      domainConfigurations.map((one) => one.domainConfigurationName),
      ['fleet', 'iot:Data-ATS'],
    );
    const remove = () => client.send(new iot.DeleteDomainConfigurationCommand({ domainConfigurationName }));
    await assert.rejects(remove(), iot.InvalidRequestException);
    const disabled = { domainConfigurationName, domainConfigurationStatus: 'DISABLED' } as const;
    await client.send(new iot.UpdateDomainConfigurationCommand(disabled));
    await remove();
  });

  test('an AWS-managed one is disabled for seven days before it is deleted', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const domainConfigurationName = 'managed';
    await client.send(new iot.CreateDomainConfigurationCommand({ domainConfigurationName }));
    const described = await client.send(new iot.DescribeDomainConfigurationCommand({ domainConfigurationName }));
    assert.equal(described.domainType, 'AWS_MANAGED');
    const disabled = { domainConfigurationName, domainConfigurationStatus: 'DISABLED' } as const;
    await client.send(new iot.UpdateDomainConfigurationCommand(disabled));
    const remove = () => client.send(new iot.DeleteDomainConfigurationCommand({ domainConfigurationName }));
    await assert.rejects(remove(), iot.InvalidRequestException);
    world.passMs(7 * 86_400_000);
    await remove();
  });

  const refused: [string, Partial<iot.CreateDomainConfigurationCommandInput>, new (...rest: never[]) => Error][] = [
    ['a reserved name', { domainConfigurationName: 'IoTfleet' }, iot.InvalidRequestException],
    ['no server certificate', { serverCertificateArns: [] }, iot.InvalidRequestException],
    [
      'two server certificates',
      { serverCertificateArns: [...serverCertificateArns, ...serverCertificateArns] },
      iot.InvalidRequestException,
    ],
    [
      'a certificate that is not of ACM',
      { serverCertificateArns: ['arn:aws:iam::1:x'] },
      iot.CertificateValidationException,
    ],
    [
      'AWS_X509 over WebSockets',
      { authenticationType: 'AWS_X509', applicationProtocol: 'MQTT_WSS' },
      iot.InvalidRequestException,
    ],
    [
      'a callback without certificates',
      { authenticationType: 'CUSTOM_AUTH', clientCertificateConfig: { clientCertificateCallbackArn: functionArn } },
      iot.InvalidRequestException,
    ],
    [
      'an authorizer that is not there',
      { authorizerConfig: { defaultAuthorizerName: 'none' } },
      iot.ResourceNotFoundException,
    ],
    ['another service', { serviceType: 'JOBS' }, iot.InvalidRequestException],
  ];
  for (const [name, input, exception] of refused) {
    test(`is refused: ${name}`, async () => {
      await using world = await ControlWorld.start();
      const command = new iot.CreateDomainConfigurationCommand({
        ...{ domainConfigurationName: 'fleet', domainName: 'mqtt.example.com', serverCertificateArns },
        ...input,
      });
      await assert.rejects(world.client.send(command), exception);
    });
  }
});

describe('provisioning templates', () => {
  const templateBody = JSON.stringify({
    Parameters: { 'AWS::IoT::Certificate::Id': { Type: 'String' } },
    Resources: {
      certificate: {
        Type: 'AWS::IoT::Certificate',
        Properties: { CertificateId: { Ref: 'AWS::IoT::Certificate::Id' } },
      },
      policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: 'p' } },
    },
  });

  test('go round with their versions', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const templateName = 'fleet';
    await client.send(
      new iot.CreateProvisioningTemplateCommand({
        templateName,
        templateBody,
        provisioningRoleArn: roleArn,
        type: 'JITP',
      }),
    );
    const version = await client.send(
      new iot.CreateProvisioningTemplateVersionCommand({ templateName, templateBody, setAsDefault: true }),
    );
    assert.deepEqual([version.versionId, version.isDefaultVersion], [2, true]);
    const described = await client.send(new iot.DescribeProvisioningTemplateCommand({ templateName }));
    assert.deepEqual(
      [described.type, described.enabled, described.defaultVersionId, described.templateBody],
      ['JITP', false, 2, templateBody],
    );
    const first = await client.send(new iot.DescribeProvisioningTemplateVersionCommand({ templateName, versionId: 1 }));
    assert.equal(first.isDefaultVersion, false);
    await client.send(new iot.UpdateProvisioningTemplateCommand({ templateName, enabled: true, defaultVersionId: 1 }));
    const { versions } = await client.send(new iot.ListProvisioningTemplateVersionsCommand({ templateName }));
    assert.deepEqual(
      versions?.map(({ versionId, isDefaultVersion }) => [versionId, isDefaultVersion]),
      [
        [1, true],
        [2, false],
      ],
    );
    const remove = () => client.send(new iot.DeleteProvisioningTemplateCommand({ templateName }));
    await assert.rejects(remove(), iot.DeleteConflictException);
    const removeVersion = (versionId: number) =>
      client.send(new iot.DeleteProvisioningTemplateVersionCommand({ templateName, versionId }));
    await assert.rejects(removeVersion(1), iot.DeleteConflictException);
    await removeVersion(2);
    const { templates } = await client.send(new iot.ListProvisioningTemplatesCommand());
    assert.deepEqual(
      templates?.map(({ templateName: name, enabled }) => [name, enabled]),
      [['fleet', true]],
    );
    await remove();
  });

  test('RegisterThing does what a template says', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const { certificateId: id = '', certificateArn } = await client.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem: device().certificate }),
    );
    const register = (parameters: Record<string, string>) =>
      client.send(new iot.RegisterThingCommand({ templateBody, parameters }));
    await assert.rejects(register({}), iot.ResourceRegistrationFailureException);
    await assert.rejects(register({ 'AWS::IoT::Certificate::Id': id }), iot.ResourceNotFoundException);
    await client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument: allowAll }));
    const { resourceArns } = await register({ 'AWS::IoT::Certificate::Id': id });
    assert.deepEqual(resourceArns, { certificate: certificateArn, policy: arn('policy/p') });
  });

  for (const body of ['{', '{"Resources":{}}', '{"Resources":{"x":{"Type":"AWS::S3::Bucket"}}}', 'x'.repeat(10_241)]) {
    test(`a body is refused: ${body.slice(0, 30)}`, async () => {
      await using world = await ControlWorld.start();
      const input = { templateName: 't', templateBody: body, provisioningRoleArn: roleArn };
      await assert.rejects(
        world.client.send(new iot.CreateProvisioningTemplateCommand(input)),
        iot.InvalidRequestException,
      );
    });
  }
});

describe('topic rules', () => {
  const key = `\${topic()}/\${timestamp()}-\${newuuid()}`;
  const topicRulePayload = {
    sql: `SELECT encode(*, 'base64') AS data, topic() AS topic FROM '#'`,
    awsIotSqlVersion: '2016-03-23',
    actions: [{ s3: { roleArn, bucketName: 'safety-net', key, cannedAcl: 'private' as const } }],
    errorAction: { cloudwatchLogs: { roleArn, logGroupName: 'errors' } },
  };

  test('go round', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const ruleName = 'safety_net';
    await client.send(new iot.CreateTopicRuleCommand({ ruleName, topicRulePayload, tags: 'a=1&b=2' }));
    await assert.rejects(
      client.send(new iot.CreateTopicRuleCommand({ ruleName, topicRulePayload })),
      iot.ResourceAlreadyExistsException,
    );
    const got = await client.send(new iot.GetTopicRuleCommand({ ruleName }));
    assert.equal(got.ruleArn, arn('rule/safety_net'));
    const { createdAt, ...rule } = got.rule ?? {};
    assert.ok(createdAt instanceof Date);
    assert.deepEqual(rule, { ...topicRulePayload, ruleName, ruleDisabled: false });
    const { tags } = await client.send(new iot.ListTagsForResourceCommand({ resourceArn: got.ruleArn }));
    assert.deepEqual(tags, [
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ]);
    await client.send(new iot.DisableTopicRuleCommand({ ruleName }));
    const listed = await client.send(new iot.ListTopicRulesCommand({ topic: 'a/b', ruleDisabled: true }));
    assert.deepEqual(
      listed.rules?.map((one) => [one.ruleName, one.topicPattern, one.ruleDisabled]),
      [[ruleName, '#', true]],
    );
    await client.send(new iot.EnableTopicRuleCommand({ ruleName }));
    const sql = `SELECT * FROM 'a/+'`;
    await client.send(new iot.ReplaceTopicRuleCommand({ ruleName, topicRulePayload: { ...topicRulePayload, sql } }));
    assert.equal((await client.send(new iot.GetTopicRuleCommand({ ruleName }))).rule?.sql, sql);
    await client.send(new iot.DeleteTopicRuleCommand({ ruleName }));
    await client.send(new iot.DeleteTopicRuleCommand({ ruleName }));
    await assert.rejects(client.send(new iot.GetTopicRuleCommand({ ruleName })), iot.UnauthorizedException);
  });

  const refused: [string, Partial<iot.TopicRulePayload>, new (...rest: never[]) => Error][] = [
    ['SQL that is none', { sql: 'SELECT' }, iot.SqlParseException],
    [
      'a template that is none',
      { actions: [{ s3: { roleArn, bucketName: 'b', key: `\${nothing()}` } }] },
      iot.SqlParseException,
    ],
    [
      'an action that the emulator has not',
      { actions: [{ sqs: { roleArn, queueUrl: 'x' } }] },
      iot.InvalidRequestException,
    ],
    [
      'two actions in one',
      { actions: [{ lambda: { functionArn }, republish: { roleArn, topic: 'x' } }] },
      iot.InvalidRequestException,
    ],
    [
      'eleven actions',
      { actions: Array.from({ length: 11 }, () => ({ lambda: { functionArn } })) },
      iot.InvalidRequestException,
    ],
    ['QoS 2', { actions: [{ republish: { roleArn, topic: 'x', qos: 2 } }] }, iot.InvalidRequestException],
    ['another SQL version', { awsIotSqlVersion: '1999-01-01' }, iot.InvalidRequestException],
    ['no actions member', { actions: undefined }, iot.InvalidRequestException],
  ];
  for (const [name, change, exception] of refused) {
    test(`is refused: ${name}`, async () => {
      await using world = await ControlWorld.start();
      const command = new iot.CreateTopicRuleCommand({
        ruleName: 'r',
        topicRulePayload: { ...topicRulePayload, ...change },
      });
      await assert.rejects(world.client.send(command), exception);
    });
  }
});

describe('the control plane itself', () => {
  test('throttles by operation with ThrottlingException, status 400', async () => {
    await using world = await ControlWorld.start({ throttle: { CreateThing: 2 } });
    const create = (thingName: string) => world.client.send(new iot.CreateThingCommand({ thingName }));
    await create('a');
    await create('b');
    await assert.rejects(create('c'), (error) => {
      return error instanceof iot.ThrottlingException && error.$metadata.httpStatusCode === 400;
    });
    await world.client.send(new iot.ListThingsCommand());
    world.passMs(500);
    await create('c');
  });

  const faults: [what: 'throttle' | 'fail' | 'unavailable' | 'cut', check: (error: unknown) => boolean][] = [
    ['throttle', (error) => error instanceof iot.ThrottlingException],
    ['fail', (error) => error instanceof iot.InternalFailureException && error.$metadata.httpStatusCode === 500],
    [
      'unavailable',
      (error) => error instanceof iot.ServiceUnavailableException && error.$metadata.httpStatusCode === 503,
    ],
    ['cut', (error) => error instanceof Error && 'code' in error && error.code === 'ECONNRESET'],
  ];
  for (const [what, check] of faults) {
    for (const when of ['before', 'after'] as const) {
      test(`a fault of a test, ${what} ${when} the call took effect`, async () => {
        const asked: [string, number][] = [];
        await using world = await ControlWorld.start({
          beforeCall(operation, number) {
            asked.push([operation, number]);
            return number === 1 ? { what, when } : undefined;
          },
        });
        await assert.rejects(world.client.send(new iot.CreateThingCommand({ thingName: 't' })), check);
        const { things } = await world.client.send(new iot.ListThingsCommand());
        assert.equal(things?.length, when === 'before' ? 0 : 1);
        assert.deepEqual(asked, [
          ['CreateThing', 1],
          ['ListThings', 2],
        ]);
      });
    }
  }

  test('an operation that it does not have is 501, a path that nobody has 404', async () => {
    await using world = await ControlWorld.start();
    await assert.rejects(world.client.send(new iot.ListJobsCommand()), (error) => {
      return error instanceof iot.IoTServiceException && error.name === 'NotImplementedException';
    });
    const answer = await fetch(`${world.url}/nothing`);
    assert.deepEqual([answer.status, answer.headers.get('x-amzn-errortype')], [404, 'UnknownOperationException']);
  });

  test('what is not a request is InvalidRequestException with the header of AWS', async () => {
    await using world = await ControlWorld.start();
    const post = (path: string, body: string) => fetch(`${world.url}${path}`, { method: 'POST', body });
    const rows: [path: string, body: string][] = [
      ['/things/t', '{'],
      ['/things/t', '[]'],
      ['/things/t', '{"thingTypeName":7}'],
      ['/policies/p', '{}'],
      ['/cacertificate?setAsActive=maybe', '{"caCertificate":"x"}'],
      ['/keys-and-certificate?setAsActive=1', ''],
    ];
    for (const [path, body] of rows) {
      const answer = await post(path, body);
      const { message } = (await answer.json()) as { message: string };
      assert.deepEqual(
        [answer.status, answer.headers.get('x-amzn-errortype'), typeof message],
        [400, 'InvalidRequestException', 'string'],
        path,
      );
    }
  });

  test('every operation is called by a test, with the SDK', () => {
    const texts = readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith('-operations.test.ts'))
      .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
      .join('\n');
    const missing = Object.keys(operationTable).filter((name) => !texts.includes(`iot.${name}Command(`));
    assert.deepEqual(missing, []);
  });
});

test('a policy document comes back as it was written', async () => {
  await using world = await ControlWorld.start();
  const policyDocument = JSON.stringify(JSON.parse(policy(allow('iot:Connect', '*'))), null, 2);
  await world.client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument }));
  assert.equal((await world.client.send(new iot.GetPolicyCommand({ policyName: 'p' }))).policyDocument, policyDocument);
});
