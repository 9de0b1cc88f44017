import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceTerms } from '../../src/app/service-terms.ts';
import { changed, load, loadRight } from './loading.ts';

const rules = [
  '{ name: billing, from: legacy, to: successor, filter: "dt/+/billing/#", share: billing }',
  '{ name: plain, from: legacy, to: successor, filter: "x/#" }',
  '{ name: answers, from: successor, to: legacy, filter: "cmd/#" }',
].join(', ');

function withServices(...services: readonly string[]): string {
  return changed('version: 1', `version: 1\nbridge: { rules: [ ${rules} ] }\nservices: [ ${services.join(', ')} ]`);
}

function mistakes(...services: readonly string[]): readonly string[] {
  const loaded = load(withServices(...services));
  return loaded.ok ? [] : loaded.error.map(({ path, message }) => `${path}: ${message}`);
}

test('a service has its probe topic from the filter of its rule, and consumes that filter', () => {
  const text = withServices(
    '{ name: billing, rule: billing, instances: [a, b], returns: answers, filters: ["conf/#"] }',
  );
  assert.deepEqual(serviceTerms(loadRight(text).configuration), [
    {
      ...{ name: 'billing', rule: 'billing', instances: ['a', 'b'], returns: 'answers', publishes: [] },
      filters: ['dt/+/billing/#', 'conf/#'],
      probeTopic: 'dt/crossfade-probe/billing/crossfade-probe',
    },
  ]);
});

test('a service of which the bridge takes a share from the start is warned about', () => {
  const text = withServices('{ name: s, rule: billing, instances: [a] }');
  assert.deepEqual(loadRight(text).warnings, [
    'bridge.rules.billing.members: the bridge takes a share of service s as soon as it runs, before anything is proved; 0 leaves that to services move',
  ]);
  assert.deepEqual(loadRight(text.replace('share: billing', 'share: billing, members: 0')).warnings, []);
});

test('a service needs a rule with share, a way back that leads back, and a probe topic that its rule hears', () => {
  assert.deepEqual(mistakes('{ name: s, rule: nowhere, instances: [a] }'), [
    'services[0].rule: expected the name of a rule of the bridge, got "nowhere"',
  ]);
  assert.deepEqual(mistakes('{ name: s, rule: plain, instances: [a] }'), [
    'services[0].rule: expected a rule with share, got "plain"',
  ]);
  assert.deepEqual(mistakes('{ name: s, rule: billing, instances: [a], returns: plain, probeTopic: dt/x }'), [
    'services[0].returns: expected a rule that goes the other way between the same brokers, got "plain"',
    'services[0].probeTopic: expected a topic in the range of "dt/+/billing/#", the filter of its rule, got "dt/x"',
  ]);
  assert.deepEqual(mistakes('{ name: s, rule: billing, instances: [a], probeTopic: "dt/+/billing" }'), [
    'services[0].probeTopic: expected an MQTT topic name, without + and #, got "dt/+/billing"',
  ]);
});

test('a name, an instance and a rule stand once; a client ID with the name of the service fits', () => {
  assert.deepEqual(
    mistakes('{ name: s, rule: billing, instances: [a, a] }', '{ name: s, rule: billing, instances: [a] }'),
    [
      'services[0].instances[1]: expected an instance that is used once, got "a" again (first at services[0].instances[0])',
      'services[1].name: expected a service name that is used once, got "s" again (first at services[0].name)',
      'services[1].rule: expected the rule of a service that is used once, got "billing" again (first at services[0].rule)',
    ],
  );
  assert.deepEqual(mistakes('{ name: s, rule: billing, instances: [] }').length, 1);
  assert.match(
    mistakes(`{ name: ${'s'.repeat(100)}, rule: billing, instances: [a] }`).join(),
    /together with the name/,
  );
});
