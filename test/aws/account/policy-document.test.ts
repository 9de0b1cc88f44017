import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PolicyRights, policyDocument, policyDocumentFault } from '../../../src/aws/account/policy-document.ts';

const scope = { region: 'eu-west-1', account: '123456789012' };
const none: PolicyRights = { connect: 'attachedThing', publish: [], subscribe: [], retain: false };

function statements(rights: Partial<PolicyRights>, where: { region: string; account?: string } = scope) {
  return JSON.parse(policyDocument({ ...none, ...rights }, where)).Statement;
}

test('who connects as whom', () => {
  const connect = (right: PolicyRights['connect']) => statements({ connect: right })[0];
  const client = 'arn:aws:iot:eu-west-1:123456789012:client/';
  assert.equal(connect('clientIdIsCommonName').Resource, `${client}\${iot:Certificate.Subject.CommonName}`);
  assert.equal(connect('clientIdBeginsWithCommonName').Resource, `${client}\${iot:Certificate.Subject.CommonName}*`);
  assert.deepEqual(connect('attachedThing'), {
    Effect: 'Allow',
    Action: 'iot:Connect',
    Resource: `${client}*`,
    Condition: { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } },
  });
});

test('filters become resources: names become variables, wildcards the one that policies have', () => {
  const topic = 'arn:aws:iot:eu-west-1:123456789012:topic/';
  const filter = 'arn:aws:iot:eu-west-1:123456789012:topicfilter/';
  const [, publish, subscribe, receive] = statements({
    publish: ['dt/{clientId}/+/state'],
    subscribe: ['cmd/{thingName}/#', 'all/{commonName}'],
  });
  assert.deepEqual(publish, {
    Effect: 'Allow',
    Action: 'iot:Publish',
    Resource: `${topic}dt/\${iot:ClientId}/*/state`,
  });
  const names = [
    `cmd/\${iot:Connection.Thing.ThingName}`,
    `cmd/\${iot:Connection.Thing.ThingName}/*`,
    `all/\${iot:Certificate.Subject.CommonName}`,
  ];
  assert.deepEqual(
    subscribe.Resource,
    names.map((name) => filter + name),
  );
  assert.deepEqual(
    receive.Resource,
    names.map((name) => topic + name),
  );
});

test('retaining is a right of its own', () => {
  assert.deepEqual(statements({ publish: ['a'], retain: true })[1].Action, ['iot:Publish', 'iot:RetainPublish']);
});

test('the ARNs are those of the partition, the region and the account', () => {
  const resource = (where: { region: string; account?: string }) => statements({}, where)[0].Resource;
  assert.equal(resource({ region: 'cn-north-1' }), 'arn:aws-cn:iot:cn-north-1:*:client/*');
  assert.equal(resource({ region: 'us-gov-west-1' }), 'arn:aws-us-gov:iot:us-gov-west-1:*:client/*');
});

test('a document is refused that AWS would refuse: no JSON, no statements, too long without its white space', () => {
  const long = (characters: number) => {
    const document = { Version: '2012-10-17', Statement: [], Id: '' };
    return JSON.stringify({ ...document, Id: 'x'.repeat(characters - JSON.stringify(document).length) }, null, 8);
  };
  assert.equal(policyDocumentFault(long(2_048)), undefined);
  assert.match(policyDocumentFault(long(2_049)) ?? '', /at most 2048 characters without white space, got 2049$/);
  assert.match(policyDocumentFault('{') ?? '', /in JSON/);
  assert.match(policyDocumentFault('{}') ?? '', /Version and Statement/);
});
