import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as iot from '@aws-sdk/client-iot';
import { allow, arn, deny, policy } from './account-desk.ts';
import { allowAll, ControlWorld, device } from './control-world.ts';

describe('policies', () => {
  test('have five versions, one of which counts', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const policyName = 'p';
    const made = await client.send(new iot.CreatePolicyCommand({ policyName, policyDocument: allowAll }));
    assert.deepEqual([made.policyVersionId, made.policyArn], ['1', arn('policy/p')]);
    await assert.rejects(
      client.send(new iot.CreatePolicyCommand({ policyName, policyDocument: allowAll })),
      iot.ResourceAlreadyExistsException,
    );
    const version = (setAsDefault: boolean) =>
      client.send(
        new iot.CreatePolicyVersionCommand({
          policyName,
          policyDocument: policy(allow('iot:Connect', '*')),
          setAsDefault,
        }),
      );
    assert.equal((await version(true)).policyVersionId, '2');
    for (let count = 3; count <= 5; count++) await version(false);
    await assert.rejects(version(false), (error) => {
      return error instanceof iot.VersionsLimitExceededException && error.$metadata.httpStatusCode === 409;
    });
    const get = await client.send(new iot.GetPolicyCommand({ policyName }));
    assert.deepEqual([get.defaultVersionId, get.policyDocument], ['2', policy(allow('iot:Connect', '*'))]);
    const remove = (policyVersionId: string) =>
      client.send(new iot.DeletePolicyVersionCommand({ policyName, policyVersionId }));
    await assert.rejects(remove('2'), iot.DeleteConflictException);
    await remove('3');
    assert.equal((await version(false)).policyVersionId, '6');
    await client.send(new iot.SetDefaultPolicyVersionCommand({ policyName, policyVersionId: '1' }));
    const first = await client.send(new iot.GetPolicyVersionCommand({ policyName, policyVersionId: '1' }));
    assert.deepEqual([first.isDefaultVersion, first.policyDocument], [true, allowAll]);
    const { policyVersions = [] } = await client.send(new iot.ListPolicyVersionsCommand({ policyName }));
    assert.deepEqual(
      policyVersions.map(({ versionId }) => versionId),
      ['1', '2', '4', '5', '6'],
    );
    const removePolicy = () => client.send(new iot.DeletePolicyCommand({ policyName }));
    await assert.rejects(removePolicy(), iot.DeleteConflictException);
    for (const id of ['2', '4', '5', '6']) await remove(id);
    await removePolicy();
    assert.deepEqual((await client.send(new iot.ListPoliciesCommand())).policies, []);
  });

  test('are attached, ten to a certificate, and not deleted while they are', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const command = new iot.RegisterCertificateWithoutCACommand({ certificatePem: device().certificate });
    const { certificateArn: target } = await client.send(command);
    for (let index = 0; index <= 10; index++) {
      await client.send(new iot.CreatePolicyCommand({ policyName: `p${index}`, policyDocument: allowAll }));
    }
    const attach = (policyName: string) => client.send(new iot.AttachPolicyCommand({ policyName, target }));
    for (let index = 0; index < 10; index++) await attach(`p${index}`);
    await attach('p0');
    await assert.rejects(attach('p10'), (error) => {
      return error instanceof iot.LimitExceededException && error.$metadata.httpStatusCode === 410;
    });
    await assert.rejects(attach('none'), iot.ResourceNotFoundException);
    const { policies } = await client.send(new iot.ListAttachedPoliciesCommand({ target }));
    assert.equal(policies?.length, 10);
    const { targets } = await client.send(new iot.ListTargetsForPolicyCommand({ policyName: 'p0' }));
    assert.deepEqual(targets, [target]);
    await assert.rejects(client.send(new iot.DeletePolicyCommand({ policyName: 'p0' })), iot.DeleteConflictException);
    await client.send(new iot.DetachPolicyCommand({ policyName: 'p0', target }));
    await assert.rejects(
      client.send(new iot.DetachPolicyCommand({ policyName: 'p0', target })),
      iot.ResourceNotFoundException,
    );
    await client.send(new iot.DeletePolicyCommand({ policyName: 'p0' }));
  });

  test('the older calls by principal do the same', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const command = new iot.RegisterCertificateWithoutCACommand({ certificatePem: device().certificate });
    const { certificateArn: principal } = await client.send(command);
    await client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument: allowAll }));
    await client.send(new iot.AttachPrincipalPolicyCommand({ policyName: 'p', principal }));
    const { policies } = await client.send(new iot.ListPrincipalPoliciesCommand({ principal }));
    assert.deepEqual(
      policies?.map(({ policyName }) => policyName),
      ['p'],
    );
    const { principals } = await client.send(new iot.ListPolicyPrincipalsCommand({ policyName: 'p' }));
    assert.deepEqual(principals, [principal]);
    await client.send(new iot.DetachPrincipalPolicyCommand({ policyName: 'p', principal }));
  });

  const long = policy(allow('iot:Connect', arn(`client/${'x'.repeat(2_000)}`)));
  const malformed: [string, string][] = [
    ['no JSON', '{'],
    ['no version', JSON.stringify({ Statement: [allow('iot:Connect', '*')] })],
    ['no statement', JSON.stringify({ Version: '2012-10-17', Statement: [] })],
    ['another effect', policy({ Effect: 'Maybe', Action: 'iot:Connect', Resource: '*' })],
    ['an action of another service', policy(allow('s3:GetObject', '*'))],
    ['a resource that is no ARN', policy(allow('iot:Connect', 'client/x'))],
    ['a member that is not known', policy({ ...allow('iot:Connect', '*'), Principal: '*' })],
    ['an operator that is not known', policy(allow('iot:Connect', '*', { Like: { 'iot:ClientId': 'x' } }))],
    ['more than 2048 characters', long],
  ];
  for (const [name, policyDocument] of malformed) {
    test(`MalformedPolicyException: ${name}`, async () => {
      await using world = await ControlWorld.start();
      await assert.rejects(
        world.client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument })),
        iot.MalformedPolicyException,
      );
    });
  }

  test('white space does not count to the 2048 characters', async () => {
    await using world = await ControlWorld.start();
    const policyDocument = `${' '.repeat(3_000)}${allowAll}`;
    await world.client.send(new iot.CreatePolicyCommand({ policyName: 'p', policyDocument }));
  });

  test('TestAuthorization says what they decide', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const certificate = new iot.RegisterCertificateWithoutCACommand({ certificatePem: device().certificate });
    const { certificateArn: principal } = await client.send(certificate);
    const create = (policyName: string, policyDocument: string) =>
      client.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
    await create(
      'own',
      policy(allow('iot:Connect', arn(`client/\${iot:ClientId}`)), deny('iot:Publish', arn('topic/x'))),
    );
    await create('more', policy(allow('iot:Publish', '*')));
    await client.send(new iot.AttachPolicyCommand({ policyName: 'own', target: principal }));
    const decide = async (
      actionType: iot.ActionType,
      resource: string,
      more: Partial<iot.TestAuthorizationCommandInput> = {},
    ) => {
      const authInfos = [{ actionType, resources: [arn(resource)] }];
      const command = new iot.TestAuthorizationCommand({ principal, authInfos, clientId: 'meter-7', ...more });
      return (await client.send(command)).authResults?.[0]?.authDecision;
    };
    assert.equal(await decide('CONNECT', 'client/meter-7'), 'ALLOWED');
    assert.equal(await decide('CONNECT', 'client/meter-8'), 'IMPLICIT_DENY');
    assert.equal(await decide('PUBLISH', 'topic/x', { policyNamesToAdd: ['more'] }), 'EXPLICIT_DENY');
    assert.equal(await decide('PUBLISH', 'topic/y', { policyNamesToAdd: ['more'] }), 'ALLOWED');
    assert.equal(await decide('CONNECT', 'client/meter-7', { policyNamesToSkip: ['own'] }), 'IMPLICIT_DENY');
  });
});
