import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bridgeDocument as documentSchema, bridgeSummary as summarySchema } from '../../src/admin/bridge-documents.ts';
import { bridgeDocument, bridgeSummary } from '../../src/app/bridge-document.ts';
import { changedRules, ruleMarks } from '../../src/app/rule-changes.ts';
import type { RuleWishes, SlotStatus } from '../../src/bridge/bridge-status.ts';
import type { BridgeRuleConfiguration } from '../../src/config/bridge-configuration.ts';
import { bridgeRule, processStatus, slotStatus, spoolBounds } from './fake-board.ts';

function documentOf(rules: readonly BridgeRuleConfiguration[], slots: readonly SlotStatus[], wishes: RuleWishes = {}) {
  const statuses = slots.length === 0 ? [] : [processStatus('7-a', slots)];
  const document = bridgeDocument({ bridge: { rules: [...rules], spool: spoolBounds }, statuses, wishes });
  documentSchema.parse(document);
  summarySchema.parse(bridgeSummary(document));
  return document;
}

const group = bridgeRule('billing', { share: 'billing', members: 2 });

const states: readonly (readonly [string, BridgeRuleConfiguration, readonly SlotStatus[], RuleWishes, string])[] = [
  ['all members stand', group, [slotStatus('billing', 0), slotStatus('billing', 1)], {}, 'running'],
  ['nobody works it', group, [], {}, 'waiting'],
  ['a member is missing', group, [slotStatus('billing', 0)], {}, 'waiting'],
  [
    'a member is not granted',
    group,
    [slotStatus('billing', 0), slotStatus('billing', 1, { isSubscribed: false })],
    {},
    'waiting',
  ],
  ['one is enough for who wants one', group, [slotStatus('billing', 0)], { billing: { members: 1 } }, 'running'],
  [
    'a leaving member is not one of those that are wanted',
    group,
    [slotStatus('billing', 0), slotStatus('billing', 1, { state: 'leaving' })],
    {},
    'waiting',
  ],
  [
    'with a leaving member beside those that are wanted',
    group,
    [slotStatus('billing', 0), slotStatus('billing', 1, { state: 'leaving' })],
    { billing: { members: 1 } },
    'running',
  ],
  [
    'all leave',
    group,
    [slotStatus('billing', 0, { state: 'leaving', isSubscribed: false })],
    { billing: { members: 0 } },
    'leaving',
  ],
  ['none is wanted and none is left', group, [], { billing: { members: 0 } }, 'waiting'],
  [
    'every member is paused',
    group,
    [slotStatus('billing', 0, { state: 'paused' }), slotStatus('billing', 1, { state: 'paused' })],
    { billing: { isPaused: true } },
    'paused',
  ],
  [
    'one has not heard of the pause yet',
    group,
    [slotStatus('billing', 0, { state: 'paused' }), slotStatus('billing', 1)],
    { billing: { isPaused: true } },
    'running',
  ],
  [
    'a loop stopped one of two',
    group,
    [slotStatus('billing', 0, { state: 'stopped' }), slotStatus('billing', 1)],
    {},
    'stopped',
  ],
  [
    'one of three partitions',
    bridgeRule('cmd', { partitions: 3, order: { keyLevel: 2 } }),
    [slotStatus('cmd', 0, { place: { kind: 'partition', index: 0, count: 3 } })],
    {},
    'waiting',
  ],
];

for (const [name, rule, slots, wishes, expected] of states) {
  test(`the state of a rule: ${name}`, () => {
    const [shown] = documentOf([rule], slots, wishes).rules;
    assert.equal(shown?.state, expected);
  });
}

test('a share is of the traffic of the last seconds, else of all that came, else unknown', () => {
  const shares = (slots: readonly SlotStatus[]) => documentOf([group], slots).rules[0]?.slots.map(({ share }) => share);
  const received = (index: number, count: number, messagesPerSecond: number) =>
    slotStatus('billing', index, { messages: { received: count }, messagesPerSecond });
  assert.deepEqual(shares([received(0, 10, 30), received(1, 1_000, 10)]), [0.75, 0.25]);
  assert.deepEqual(shares([received(0, 10, 0), received(1, 30, 0)]), [0.25, 0.75]);
  assert.deepEqual(shares([received(0, 0, 0), received(1, 0, 0)]), [null, null]);
});

test('a rule adds up its slots of all processes, and shows the longest lag', () => {
  const one = slotStatus('billing', 0, {
    messages: { received: 3, carried: 2, deadLetters: { 'too-large': 1 }, dropped: { 'qos-0': 1 } },
    ...{ lag: { p50Ms: 2, p999Ms: 40 }, spool: { messages: 5, bytes: 700 }, messagesPerSecond: 1 },
  });
  const other = slotStatus('billing', 1, {
    messages: { received: 4, duplicatesSuppressed: 2, deadLetters: { 'too-large': 2, refused: 1 } },
    ...{ lag: { p50Ms: 5, p999Ms: 20 }, spool: { messages: 1, bytes: 300 }, messagesPerSecond: 2 },
  });
  const bridge = { rules: [group], spool: spoolBounds };
  const statuses = [processStatus('7-a', [one]), processStatus('8-b', [other])];
  const document = bridgeDocument({ bridge, statuses, wishes: {} });
  const [rule] = document.rules;
  assert.deepEqual(
    [rule?.received, rule?.carried, rule?.duplicatesSuppressed, rule?.deadLetters, rule?.dropped],
    [7, 2, 2, { 'too-large': 3, refused: 1 }, { 'qos-0': 1 }],
  );
  assert.deepEqual(rule?.lagMs, { p50: 5, p999: 40 });
  assert.deepEqual(rule?.spool, { messages: 6, bytes: 1_000, maxBytes: 2 * spoolBounds.maxBytes, alarm: false });
  assert.equal(rule?.messagesPerSecond, 3);
  assert.deepEqual(
    rule?.slots.map(({ slot, process }) => [slot, process]),
    [
      ['0', '7-a'],
      ['1', '8-b'],
    ],
  );
  assert.deepEqual(
    document.processes.map(({ process, slots, startedAt }) => [process, slots, startedAt]),
    [
      ['7-a', 1, '2026-03-01T12:00:00.000Z'],
      ['8-b', 1, '2026-03-01T12:00:00.000Z'],
    ],
  );
  const { spoolBytes, worstLagMs, processes, rules } = bridgeSummary(document);
  assert.deepEqual([spoolBytes, worstLagMs, processes, rules.running], [1_000, 40, 2, 1]);
});

test('a rule that the configuration has no more is shown while its slots finish', () => {
  const { rules } = documentOf([group], [slotStatus('old', 0, { state: 'leaving', isSubscribed: false })]);
  assert.deepEqual(
    rules.map(({ name, from, state, members }) => [name, from, state, members]),
    [
      ['billing', 'legacy', 'waiting', 2],
      ['old', null, 'leaving', 0],
    ],
  );
});

test('a wish for members means nothing to a rule without a share group', () => {
  const { rules } = documentOf([bridgeRule('dt')], [slotStatus('dt', 0)], { dt: { members: 4 } });
  assert.deepEqual([rules[0]?.members, rules[0]?.state], [0, 'running']);
});

test('an event tells a rule whose state, members or spool alarm changed, and no other', () => {
  const marks = (slot: SlotStatus, wishes: RuleWishes = {}) =>
    ruleMarks(documentOf([bridgeRule('dt', { share: 'g' }), bridgeRule('cmd')], [slot], wishes));
  const before = marks(slotStatus('dt', 0));
  assert.deepEqual(changedRules(before, marks(slotStatus('dt', 0, { messagesPerSecond: 5 }))), []);
  const still = { rule: 'dt', state: 'running', members: 1, spoolAlarm: false };
  const paused = marks(slotStatus('dt', 0, { state: 'paused' }));
  assert.deepEqual(changedRules(before, paused), [{ ...still, state: 'paused' }]);
  const full = slotStatus('dt', 0, { spool: { messages: 9, bytes: 9, isAlarming: true } });
  assert.deepEqual(changedRules(before, marks(full)), [{ ...still, spoolAlarm: true }]);
  const scaled = marks(slotStatus('dt', 0), { dt: { members: 3 } });
  assert.deepEqual(changedRules(before, scaled), [{ ...still, state: 'waiting', members: 3 }]);
});
