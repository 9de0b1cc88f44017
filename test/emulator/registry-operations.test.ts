import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as iot from '@aws-sdk/client-iot';
import { allowAll, ControlWorld, device, startMs } from './control-world.ts';

async function registered(world: ControlWorld): Promise<string> {
  const command = new iot.RegisterCertificateWithoutCACommand({
    certificatePem: device().certificate,
    status: 'ACTIVE',
  });
  return (await world.client.send(command)).certificateArn ?? '';
}

describe('things', () => {
  test('go round; creating the same again answers with it, another form is 409', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const wanted = { thingName: 'meter:7', attributePayload: { attributes: { site: 'north', floor: '3' } } };
    const made = await client.send(new iot.CreateThingCommand(wanted));
    assert.equal(made.thingArn, 'arn:aws:iot:eu-central-1:123456789012:thing/meter:7');
    const again = await client.send(new iot.CreateThingCommand(wanted));
    assert.equal(again.thingId, made.thingId);
    await assert.rejects(client.send(new iot.CreateThingCommand({ thingName: 'meter:7' })), (error) => {
      return error instanceof iot.ResourceAlreadyExistsException && error.resourceArn === made.thingArn;
    });
    const described = await client.send(new iot.DescribeThingCommand({ thingName: 'meter:7' }));
    assert.deepEqual(
      [described.defaultClientId, described.version, described.attributes],
      ['meter:7', 1, { site: 'north', floor: '3' }],
    );
    const update = (input: Partial<iot.UpdateThingCommandInput>) =>
      client.send(new iot.UpdateThingCommand({ thingName: 'meter:7', ...input }));
    await update({ attributePayload: { attributes: { floor: '' }, merge: true }, expectedVersion: 1 });
    await assert.rejects(update({ expectedVersion: 1 }), iot.VersionConflictException);
    const changed = await client.send(new iot.DescribeThingCommand({ thingName: 'meter:7' }));
    assert.deepEqual([changed.version, changed.attributes], [2, { site: 'north' }]);
    await client.send(new iot.DeleteThingCommand({ thingName: 'meter:7' }));
    await client.send(new iot.DeleteThingCommand({ thingName: 'meter:7' }));
    await assert.rejects(
      client.send(new iot.DescribeThingCommand({ thingName: 'meter:7' })),
      iot.ResourceNotFoundException,
    );
  });

  test('a thing without a type has three attributes, with a type fifty; names have their form', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const attributes = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, 'x']));
    const create = (thingName: string, count: number, thingTypeName?: string) =>
      client.send(
        new iot.CreateThingCommand({ thingName, thingTypeName, attributePayload: { attributes: attributes(count) } }),
      );
    await create('three', 3);
    await assert.rejects(create('four', 4), iot.InvalidRequestException);
    await assert.rejects(create('typed', 4, 'meter'), iot.ResourceNotFoundException);
    await client.send(new iot.CreateThingTypeCommand({ thingTypeName: 'meter' }));
    await create('typed', 50, 'meter');
    await assert.rejects(create('typed2', 51, 'meter'), iot.InvalidRequestException);
    for (const thingName of ['a b', 'ä', 'x'.repeat(129), 'a#'])
      await assert.rejects(create(thingName, 0), iot.InvalidRequestException);
    const value = { thingName: 'v', attributePayload: { attributes: { a: 'a b' } } };
    await assert.rejects(client.send(new iot.CreateThingCommand(value)), iot.InvalidRequestException);
  });

  test('are listed in pages that lose nothing when what was listed is deleted', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    for (let index = 0; index < 60; index++) {
      await client.send(new iot.CreateThingCommand({ thingName: `t-${String(index).padStart(2, '0')}` }));
    }
    const seen: string[] = [];
    for await (const page of iot.paginateListThings({ client }, {})) {
      assert.ok((page.things ?? []).length <= 25);
      for (const { thingName = '' } of page.things ?? []) {
        seen.push(thingName);
        await client.send(new iot.DeleteThingCommand({ thingName }));
      }
    }
    assert.equal(new Set(seen).size, 60);
    await assert.rejects(client.send(new iot.ListThingsCommand({ maxResults: 251 })), iot.InvalidRequestException);
    await assert.rejects(
      client.send(new iot.ListThingsCommand({ nextToken: 'nonsense' })),
      iot.InvalidRequestException,
    );
  });

  test('are found by attribute and by type', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    await client.send(new iot.CreateThingTypeCommand({ thingTypeName: 'meter' }));
    const create = (thingName: string, site: string, thingTypeName?: string) =>
      client.send(new iot.CreateThingCommand({ thingName, thingTypeName, attributePayload: { attributes: { site } } }));
    await create('a', 'north', 'meter');
    await create('b', 'northwest');
    const names = async (input: iot.ListThingsCommandInput) =>
      (await client.send(new iot.ListThingsCommand(input))).things?.map(({ thingName }) => thingName);
    assert.deepEqual(await names({ attributeName: 'site', attributeValue: 'north' }), ['a']);
    assert.deepEqual(await names({ attributeName: 'site', attributeValue: 'north', usePrefixAttributeValue: true }), [
      'a',
      'b',
    ]);
    assert.deepEqual(await names({ thingTypeName: 'meter' }), ['a']);
  });
});

describe('thing types', () => {
  test('say what messages carry; only that can be updated; deletion waits for deprecation and five minutes', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const thingTypeName = 'meter';
    const attributes = (thingAttribute: string) => ({
      mqtt5Configuration: { propagatingAttributes: [{ userPropertyKey: 'site', thingAttribute }] },
    });
    const made = await client.send(
      new iot.CreateThingTypeCommand({ thingTypeName, thingTypeProperties: attributes('site') }),
    );
    assert.equal(made.thingTypeArn, 'arn:aws:iot:eu-central-1:123456789012:thingtype/meter');
    const update = (thingTypeProperties: iot.ThingTypeProperties) =>
      client.send(new iot.UpdateThingTypeCommand({ thingTypeName, thingTypeProperties }));
    await update(attributes('place'));
    await assert.rejects(update({ thingTypeDescription: 'x' }), iot.InvalidRequestException);
    const bad = { userPropertyKey: 'a b', thingAttribute: 'x' };
    await assert.rejects(update({ mqtt5Configuration: { propagatingAttributes: [bad] } }), iot.InvalidRequestException);
    const described = await client.send(new iot.DescribeThingTypeCommand({ thingTypeName }));
    assert.deepEqual(described.thingTypeProperties, attributes('place'));
    assert.equal(described.thingTypeMetadata?.deprecated, false);
    const remove = () => client.send(new iot.DeleteThingTypeCommand({ thingTypeName }));
    await assert.rejects(remove(), iot.InvalidRequestException);
    await client.send(new iot.DeprecateThingTypeCommand({ thingTypeName }));
    await assert.rejects(
      client.send(new iot.CreateThingCommand({ thingName: 't', thingTypeName })),
      iot.InvalidRequestException,
    );
    await assert.rejects(remove(), iot.InvalidRequestException);
    world.passMs(5 * 60_000);
    await remove();
    const { thingTypes } = await client.send(new iot.ListThingTypesCommand());
    assert.deepEqual(thingTypes, []);
  });
});

describe('principals of things', () => {
  test('an exclusive one belongs to one thing alone', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const principal = await registered(world);
    for (const thingName of ['a', 'b']) await client.send(new iot.CreateThingCommand({ thingName }));
    const attach = (thingName: string, thingPrincipalType?: iot.ThingPrincipalType) =>
      client.send(new iot.AttachThingPrincipalCommand({ thingName, principal, thingPrincipalType }));
    await attach('a', 'EXCLUSIVE_THING');
    await attach('a', 'EXCLUSIVE_THING');
    await assert.rejects(attach('a'), iot.InvalidRequestException);
    await assert.rejects(attach('b'), iot.InvalidRequestException);
    const things = await client.send(new iot.ListPrincipalThingsV2Command({ principal }));
    assert.deepEqual(things.principalThingObjects, [{ thingName: 'a', thingPrincipalType: 'EXCLUSIVE_THING' }]);
    const principals = await client.send(new iot.ListThingPrincipalsV2Command({ thingName: 'a' }));
    assert.deepEqual(principals.thingPrincipalObjects, [{ principal, thingPrincipalType: 'EXCLUSIVE_THING' }]);
    await assert.rejects(client.send(new iot.DeleteThingCommand({ thingName: 'a' })), iot.InvalidRequestException);
    const detach = () => client.send(new iot.DetachThingPrincipalCommand({ thingName: 'a', principal }));
    await detach();
    await assert.rejects(detach(), iot.ResourceNotFoundException);
    await attach('a');
    await attach('b');
    await assert.rejects(attach('b', 'EXCLUSIVE_THING'), iot.InvalidRequestException);
    assert.deepEqual((await client.send(new iot.ListPrincipalThingsCommand({ principal }))).things, ['a', 'b']);
    assert.deepEqual((await client.send(new iot.ListThingPrincipalsCommand({ thingName: 'b' }))).principals, [
      principal,
    ]);
    const foreign = 'arn:aws:iot:eu-central-1:123456789012:cert/00';
    const command = new iot.AttachThingPrincipalCommand({ thingName: 'a', principal: foreign });
    await assert.rejects(client.send(command), iot.ResourceNotFoundException);
  });
});

describe('thing groups', () => {
  test('hold things and each other; a policy on one reaches the certificates of its things', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const root = await client.send(new iot.CreateThingGroupCommand({ thingGroupName: 'fleet' }));
    await client.send(new iot.CreateThingGroupCommand({ thingGroupName: 'north', parentGroupName: 'fleet' }));
    await client.send(new iot.CreateThingCommand({ thingName: 't' }));
    const principal = await registered(world);
    await client.send(new iot.AttachThingPrincipalCommand({ thingName: 't', principal }));
    await client.send(new iot.AddThingToThingGroupCommand({ thingName: 't', thingGroupName: 'north' }));
    const described = await client.send(new iot.DescribeThingGroupCommand({ thingGroupName: 'north' }));
    assert.deepEqual(described.thingGroupMetadata?.rootToParentThingGroups, [
      { groupName: 'fleet', groupArn: root.thingGroupArn },
    ]);
    const inGroup = async (thingGroupName: string, recursive: boolean) =>
      (await client.send(new iot.ListThingsInThingGroupCommand({ thingGroupName, recursive }))).things;
    assert.deepEqual([await inGroup('fleet', false), await inGroup('fleet', true)], [[], ['t']]);
    const groups = await client.send(new iot.ListThingGroupsForThingCommand({ thingName: 't' }));
    assert.deepEqual(
      groups.thingGroups?.map(({ groupName }) => groupName),
      ['north'],
    );
    const children = await client.send(new iot.ListThingGroupsCommand({ parentGroup: 'fleet' }));
    assert.deepEqual(
      children.thingGroups?.map(({ groupName }) => groupName),
      ['north'],
    );
    for (const policyName of ['p', 'q', 'r']) {
      await client.send(new iot.CreatePolicyCommand({ policyName, policyDocument: allowAll }));
    }
    const attach = (policyName: string) =>
      client.send(new iot.AttachPolicyCommand({ policyName, target: root.thingGroupArn }));
    await attach('p');
    await attach('q');
    await assert.rejects(attach('r'), iot.LimitExceededException);
    const effective = await client.send(new iot.GetEffectivePoliciesCommand({ principal }));
    assert.deepEqual(
      effective.effectivePolicies?.map(({ policyName }) => policyName),
      ['p', 'q'],
    );
    const version = await client.send(
      new iot.UpdateThingGroupCommand({
        thingGroupName: 'north',
        thingGroupProperties: { thingGroupDescription: 'x' },
      }),
    );
    assert.equal(version.version, 2);
    const remove = (thingGroupName: string) => client.send(new iot.DeleteThingGroupCommand({ thingGroupName }));
    await assert.rejects(remove('fleet'), iot.InvalidRequestException);
    await client.send(new iot.RemoveThingFromThingGroupCommand({ thingName: 't', thingGroupName: 'north' }));
    await remove('north');
    await remove('fleet');
    await remove('fleet');
  });

  test('are seven levels deep', async () => {
    await using world = await ControlWorld.start();
    const create = (level: number) =>
      world.client.send(
        new iot.CreateThingGroupCommand({
          thingGroupName: `g${level}`,
          parentGroupName: level === 1 ? undefined : `g${level - 1}`,
        }),
      );
    for (let level = 1; level <= 7; level++) await create(level);
    await assert.rejects(create(8), iot.InvalidRequestException);
  });
});

describe('tags', () => {
  test('are set, read and taken away', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const { thingTypeArn: resourceArn } = await client.send(
      new iot.CreateThingTypeCommand({ thingTypeName: 'x', tags: [{ Key: 'made-by', Value: 'us' }] }),
    );
    await client.send(new iot.TagResourceCommand({ resourceArn, tags: [{ Key: 'a', Value: '1' }] }));
    const tags = async () => (await client.send(new iot.ListTagsForResourceCommand({ resourceArn }))).tags;
    assert.deepEqual(await tags(), [
      { Key: 'a', Value: '1' },
      { Key: 'made-by', Value: 'us' },
    ]);
    await client.send(new iot.UntagResourceCommand({ resourceArn, tagKeys: ['a'] }));
    assert.deepEqual(await tags(), [{ Key: 'made-by', Value: 'us' }]);
    const command = new iot.ListTagsForResourceCommand({
      resourceArn: 'arn:aws:iot:eu-central-1:123456789012:rule/none',
    });
    await assert.rejects(client.send(command), iot.ResourceNotFoundException);
  });
});

describe('what an account has once', () => {
  test('endpoints: ATS and credential provider; the older types are refused', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    const endpoint = async (endpointType?: string) =>
      (await client.send(new iot.DescribeEndpointCommand({ endpointType }))).endpointAddress;
    assert.match((await endpoint('iot:Data-ATS')) ?? '', /^[a-z0-9]+-ats\.iot\.eu-central-1\.amazonaws\.com$/);
    assert.equal(await endpoint('iot:Data-ATS'), await endpoint('iot:Data-ATS'));
    assert.match((await endpoint('iot:CredentialProvider')) ?? '', /\.credentials\.iot\./);
    for (const type of [undefined, 'iot:Data', 'iot:Jobs'])
      await assert.rejects(endpoint(type), iot.InvalidRequestException);
  });

  test('logging options and levels', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    await assert.rejects(client.send(new iot.GetV2LoggingOptionsCommand()), iot.NotConfiguredException);
    const level = { logTarget: { targetType: 'SOURCE_IP', targetName: '203.0.113.1' }, logLevel: 'DEBUG' } as const;
    await assert.rejects(client.send(new iot.SetV2LoggingLevelCommand(level)), iot.NotConfiguredException);
    const roleArn = 'arn:aws:iam::123456789012:role/logging';
    await client.send(new iot.SetV2LoggingOptionsCommand({ roleArn, defaultLogLevel: 'ERROR' }));
    const options = await client.send(new iot.GetV2LoggingOptionsCommand());
    assert.deepEqual([options.roleArn, options.defaultLogLevel, options.disableAllLogs], [roleArn, 'ERROR', false]);
    await client.send(new iot.SetV2LoggingLevelCommand(level));
    const levels = async () => (await client.send(new iot.ListV2LoggingLevelsCommand())).logTargetConfigurations;
    assert.deepEqual(await levels(), [level]);
    await client.send(new iot.DeleteV2LoggingLevelCommand(level.logTarget));
    assert.deepEqual(await levels(), []);
  });

  test('event configurations and indexing', async () => {
    await using world = await ControlWorld.start();
    const { client } = world;
    await client.send(new iot.UpdateEventConfigurationsCommand({ eventConfigurations: { THING: { Enabled: true } } }));
    const events = await client.send(new iot.DescribeEventConfigurationsCommand());
    assert.deepEqual(events.eventConfigurations?.THING, { Enabled: true });
    assert.deepEqual(events.eventConfigurations?.CERTIFICATE, { Enabled: false });
    assert.deepEqual(events.lastModifiedDate, new Date(startMs));
    const thingIndexingConfiguration = {
      thingIndexingMode: 'REGISTRY',
      thingConnectivityIndexingMode: 'STATUS',
    } as const;
    await client.send(new iot.UpdateIndexingConfigurationCommand({ thingIndexingConfiguration }));
    const indexing = await client.send(new iot.GetIndexingConfigurationCommand());
    assert.deepEqual(indexing.thingIndexingConfiguration, thingIndexingConfiguration);
  });
});
