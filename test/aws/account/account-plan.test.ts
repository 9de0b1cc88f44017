import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasWork, planAccount, planResource } from '../../../src/aws/account/account-plan.ts';
import { planRemoval } from '../../../src/aws/account/account-removal.ts';
import { desiredResources } from '../../../src/aws/account/desired-resources.ts';
import {
  type ActualResource,
  fleetTag,
  type Reading,
  type Resource,
  resourceId,
} from '../../../src/aws/account/resource.ts';
import { sampleDescription, terms } from './sample-account.ts';

const desired = desiredResources(sampleDescription());

/** As the account has it once it was made. */
function made(resource: Resource, change: Partial<ActualResource> = {}): Reading {
  const properties = JSON.parse(JSON.stringify(resource.properties));
  const actual = { arn: `arn:${resourceId(resource)}`, properties, tags: { [fleetTag]: terms.fleet }, ...change };
  return { state: 'present', actual };
}

function resourceOf(kind: Resource['kind']): Resource {
  const found = desired.find((resource) => resource.kind === kind);
  assert.ok(found);
  return found;
}

test('one of everything, and what others need comes before them', () => {
  assert.deepEqual(
    planAccount(desired, new Map(), terms).map(({ action, resource }) => `${action} ${resource.kind}`),
    [
      'create policy',
      'create thing-type',
      'create authorizer',
      'create logging-options',
      'create topic-rule',
      'create ca-certificate',
      'create topic-rule',
      'create ca-certificate',
      'create domain-configuration',
    ],
  );
  const rows = new Map(desired.map((resource, index) => [resourceId(resource), index]));
  for (const [index, resource] of desired.entries()) {
    for (const needed of resource.dependsOn) assert.ok((rows.get(needed) ?? Number.NaN) < index, resourceId(resource));
  }
});

test('an order that breaks a dependency is mended', () => {
  const ids = planAccount(desired.toReversed(), new Map(), terms).map(({ resource }) => resourceId(resource));
  for (const resource of desired) {
    for (const needed of resource.dependsOn) assert.ok(ids.indexOf(needed) < ids.indexOf(resourceId(resource)));
  }
});

test('whatever is there already: applying the plan leaves no difference, and nothing that is right is touched', () => {
  const change = fc.constantFrom('absent', 'right', 'changed', 'untold');
  fc.assert(
    fc.property(fc.array(change, { minLength: desired.length, maxLength: desired.length }), (states) => {
      const readings = new Map(
        desired.map((resource, index) => [resourceId(resource), readingIn(states[index], resource)]),
      );
      const steps = planAccount(desired, readings, terms);
      for (const { resource, action } of steps) {
        const state = states[desired.indexOf(resource)];
        assert.equal(action, { absent: 'create', changed: 'update' }[String(state)] ?? 'nothing');
        if (action === 'create' || action === 'update') readings.set(resourceId(resource), made(resource));
      }
      assert.equal(hasWork(planAccount(desired, readings, terms)), false);
    }),
  );
});

/** A property that may change differs, in `changed`. */
function readingIn(state: string | undefined, resource: Resource): Reading {
  if (state === 'absent') return { state: 'absent' };
  if (state === 'untold') return made(resource, { properties: {} });
  if (state === 'right') return made(resource);
  const changeable: Readonly<Record<Resource['kind'], object>> = {
    policy: { document: { Version: '2012-10-17', Statement: [] } },
    'thing-type': { propagatingAttributes: [] },
    authorizer: { functionArn: 'arn:another' },
    'topic-rule': { sql: "SELECT * FROM 'a'" },
    'ca-certificate': { status: 'INACTIVE' },
    'domain-configuration': { tlsPolicy: 'IoTSecurityPolicy_TLS12_1_2_2022_10' },
    'logging-options': { defaultLogLevel: 'DEBUG' },
  };
  return made(resource, { properties: { ...resource.properties, ...changeable[resource.kind] } });
}

const fixed: readonly (readonly [Resource['kind'], object])[] = [
  ['thing-type', { searchableAttributes: ['batch'] }],
  ['thing-type', { description: 'another' }],
  ['authorizer', { signingDisabled: true }],
  ['ca-certificate', { certificateMode: 'SNI_ONLY' }],
  ['domain-configuration', { domainName: 'other.example.com' }],
  ['domain-configuration', { serverCertificateArns: ['arn:another'] }],
];

for (const [kind, properties] of fixed) {
  test(`what AWS never changes is a conflict that says what to do: ${kind} ${Object.keys(properties)}`, () => {
    const resource = resourceOf(kind);
    const reading = made(resource, { properties: { ...resource.properties, ...properties } });
    const { action, reason } = planResource(resource, reading, terms);
    assert.equal(action, 'conflict');
    assert.match(reason, /^[\w[\]]+ is another: AWS /);
  });
}

test('what is another fleet’s is never touched, whatever its name', () => {
  const resource = resourceOf('policy');
  const other = { tags: { [fleetTag]: 'other.example.com' } };
  for (const adopt of [false, true]) {
    const step = planResource(resource, made(resource, other), { ...terms, adopt });
    assert.equal(step.action, 'conflict');
    assert.match(step.reason, /other\.example\.com.*aws\.prefix/);
  }
});

test('a CA that two fleets share is one registration: as described, or a conflict', () => {
  const resource = resourceOf('ca-certificate');
  const tags = { [fleetTag]: 'other.example.com' };
  assert.equal(planResource(resource, made(resource, { tags }), terms).action, 'nothing');
  const properties = { ...resource.properties, status: 'INACTIVE' };
  assert.equal(planResource(resource, made(resource, { tags, properties }), terms).action, 'conflict');
});

test('what somebody made by hand is left where it fits, a conflict where it does not, and ours with --adopt', () => {
  const resource = { ...resourceOf('policy'), name: 'fleet-policy' } as Resource;
  const fits = made(resource, { tags: {} });
  const differs = made(resource, { tags: {}, properties: { document: {} } });
  const actions = (reading: Reading, adopt: boolean) => planResource(resource, reading, { ...terms, adopt }).action;
  assert.deepEqual([actions(fits, false), actions(differs, false)], ['nothing', 'conflict']);
  assert.deepEqual([actions(fits, true), actions(differs, true)], ['update', 'update']);
});

test('without tags the prefix says whose it is, as a whole word', () => {
  const named = (name: string) => ({ ...resourceOf('policy'), name }) as Resource;
  const action = (name: string) =>
    planResource(named(name), made(named(name), { tags: {}, properties: { document: {} } }), terms).action;
  assert.deepEqual(['crossfade-x', 'crossfade_x', 'crossfade2-x', 'crossfade'].map(action), [
    'update',
    'update',
    'conflict',
    'conflict',
  ]);
});

test('an endpoint that has no tags is believed that all is ours', () => {
  const resource = { ...resourceOf('policy'), name: 'fleet-policy' } as Resource;
  const { properties } = resource;
  const reading: Reading = { state: 'present', actual: { properties: { ...properties, document: {} } } };
  assert.equal(planResource(resource, reading, terms).action, 'update');
});

test('removal goes backwards and keeps what is not ours', () => {
  const readings = new Map(desired.map((resource) => [resourceId(resource), made(resource)]));
  readings.set(resourceId(resourceOf('authorizer')), made(resourceOf('authorizer'), { tags: { [fleetTag]: 'other' } }));
  readings.set(resourceId(resourceOf('thing-type')), { state: 'absent' });
  assert.deepEqual(
    planRemoval(desired, readings, terms).map(({ action, resource }) => `${action} ${resource.kind}`),
    [
      'remove domain-configuration',
      'remove ca-certificate',
      'remove topic-rule',
      'remove ca-certificate',
      'remove topic-rule',
      'keep logging-options',
      'keep authorizer',
      'remove policy',
    ],
  );
});
