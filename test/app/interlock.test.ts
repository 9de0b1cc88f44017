import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeLost, Interlock, unbridgedReason } from '../../src/app/interlock.ts';
import { lostTopics, type OtherEnds, ruleWarnings } from '../../src/app/interlock-findings.ts';
import { type RuleCondition, ruleConditions } from '../../src/app/rule-conditions.ts';
import { type TopicRule, unchangedTopic } from '../../src/mqtt/topic-rule.ts';
import type { TopicUse } from '../../src/mqtt/topic-pattern.ts';
import { ObservedTopics } from '../../src/session/observed-topics.ts';
import { aProcess, aRule, aSlot } from './board-samples.ts';

const pair = { source: 'legacy', target: 'aws' };
const everyone = { name: 'everyone', ...pair };

function running(rule: TopicRule, condition: Partial<RuleCondition> = {}): RuleCondition {
  return { rule, state: 'running', spooled: 0, ...condition };
}

const up = aRule({ name: 'up', from: 'aws', to: 'legacy', filter: 'dt/#' });
const down = aRule({ name: 'down', from: 'legacy', to: 'aws', filter: 'cmd/#' });

function observed(...used: readonly (readonly [use: TopicUse, pattern: string, devices?: number])[]): ObservedTopics {
  const topics = new ObservedTopics();
  for (const [use, pattern, devices = 1] of used) {
    for (let device = 0; device < devices; device += 1) {
      const note = { cohort: 'everyone', use, pattern, isWidened: false, lastSeenMs: 0 };
      topics.note({ ...note, clientId: `device-${device}` });
    }
  }
  return topics;
}

function lostOf(topics: ObservedTopics, ends: Partial<OtherEnds>): readonly string[] {
  const lost = lostTopics(topics.of('everyone'), { pair, conditions: [], services: [], ...ends });
  return lost.map(({ topic }) => topic);
}

const service = (
  standing: 'legacy' | 'both' | 'target',
  filters: readonly string[],
  publishes: readonly string[] = [],
) => ({
  ...{ name: 'billing', rule: 'billing', standing, filters, publishes },
});

test('publishes need a rule back to the source, subscriptions one to the target', () => {
  const topics = observed(['publish', 'dt/+/state'], ['subscribe', 'cmd/+/#']);
  assert.deepEqual(lostOf(topics, { conditions: [running(up), running(down)] }), []);
  assert.deepEqual(lostOf(topics, { conditions: [running(up)] }), ['cmd/+/#']);
  const swapped = [running({ ...up, from: 'legacy', to: 'aws' }), running({ ...down, from: 'aws', to: 'legacy' })];
  assert.equal(lostOf(topics, { conditions: swapped }).length, 2, 'the other way does not help');
});

test('the topics of most devices come first, with their class, devices and the rule that is missing', () => {
  const topics = observed(['publish', 'dt/x', 2], ['subscribe', 'cmd/+', 5]);
  const conditions = [running({ ...down, filter: 'dt/x' })];
  const [first, second] = lostTopics(topics.of('everyone'), { pair, conditions, services: [] });
  assert.deepEqual([first?.topic, first?.class, first?.devices], ['cmd/+', 'unbridged', 5]);
  assert.deepEqual([second?.topic, second?.class, second?.devices], ['dt/x', 'to-target', 2]);
  assert.deepEqual(second?.needs, { from: 'aws', to: 'legacy', filter: 'dt/x' });
  assert.equal(second?.advice, 'add a rule from aws to legacy with filter "dt/x"');
});

for (const state of ['stopped', 'unsubscribed', 'idle'] as const) {
  test(`a rule that is ${state} carries nothing, and is named`, () => {
    const topics = observed(['publish', 'dt/x']);
    const [lost] = lostTopics(topics.of('everyone'), { pair, conditions: [running(up, { state })], services: [] });
    assert.match(lost?.advice ?? '', /^rule up would carry it: it /);
  });
}

for (const state of ['paused', 'unknown'] as const) {
  test(`a rule that is ${state} counts, with a warning`, () => {
    const conditions = [running(up, { state })];
    assert.deepEqual(lostOf(observed(['publish', 'dt/x']), { conditions }), []);
    assert.match(ruleWarnings({ pair, conditions, services: [] }).join(), /rule up /);
  });
}

test('a rule between other brokers is nobody’s business here', () => {
  const conditions = [running({ ...up, from: 'archive' }, { state: 'paused' })];
  assert.deepEqual(ruleWarnings({ pair, conditions, services: [] }), []);
});

test('a rule that changes the topic does not carry it, and is named', () => {
  const changing = { ...up, topicChange: { ...unchangedTopic, addPrefix: 'x/' } };
  const ends = { pair, conditions: [running(changing)], services: [] };
  const [lost] = lostTopics(observed(['publish', 'dt/x']).of('everyone'), ends);
  assert.match(lost?.advice ?? '', /rule up carries it under another topic$/);
});

test('the rule by which a service moves carries a share of it only', () => {
  const share = { ...down, name: 'billing', share: 'billing' };
  const ends = { pair, conditions: [running(share)], services: [service('both', ['dt/#'])] };
  const [lost] = lostTopics(observed(['subscribe', 'cmd/1']).of('everyone'), ends);
  assert.match(lost?.advice ?? '', /rule billing carries a share of it only$/);
  assert.deepEqual(lostOf(observed(['subscribe', 'cmd/1']), { ...ends, services: [] }), [], 'its own group is whole');
});

test('services that stand wholly on the target are the other end', () => {
  const topics = observed(['publish', 'dt/+/bill'], ['subscribe', 'cmd/+/price']);
  const services = [service('target', ['dt/+/bill'], ['cmd/#'])];
  assert.deepEqual(lostOf(topics, { services }), []);
  const half = [service('both', ['dt/+/bill'], ['cmd/#'])];
  assert.deepEqual(lostOf(topics, { services: half }).length, 2);
  const other = { ...service('legacy', ['dt/7/+']), name: 'audit' };
  const [lost] = lostTopics(topics.of('everyone'), { pair, conditions: [], services: [...services, other] });
  assert.deepEqual([lost?.topic, lost?.services], ['dt/+/bill', ['audit']], 'every service that hears it has to');
});

test('a service that hears a part of it is not the whole other end', () => {
  const services = [service('target', ['dt/7/#'])];
  assert.deepEqual(lostOf(observed(['publish', 'dt/+/state']), { services }), ['dt/+/state']);
});

test('topics that begin with a dollar sign are not considered', () => {
  assert.deepEqual(lostOf(observed(['publish', '$aws/x'], ['subscribe', '$SYS/#']), {}), []);
});

test('an interlock without rules and services asks nothing', () => {
  const bridge = { conditions: [], overlapMs: () => 0, behind: () => [] };
  const interlock = new Interlock({ bridge, services: () => [] });
  assert.deepEqual(interlock.document([everyone]), { armed: false, cohorts: [] });
});

test('an answer is bounded, and says what is not settled', () => {
  const used = Array.from({ length: 60 }, (_, index) => ['publish', `t/${index}`] as const);
  const topics = observed(...used);
  const bridge = { conditions: [], overlapMs: () => 700, behind: () => ['up'] };
  const services = () => {
    throw new Error('no ledger');
  };
  const own = { of: (cohort: string) => topics.of(cohort), hasScanned: false };
  const judged = new Interlock({ topics: own, bridge, services }).judge(everyone);
  assert.deepEqual([judged?.lost.length, judged?.lostTotal, judged?.bridgeOverlapMs], [50, 60, 700]);
  assert.match(judged?.warnings.join() ?? '', /services are taken to stand at their sources: no ledger/);
  assert.match(judged?.warnings.join() ?? '', /still being read/);
  assert.ok(judged);
  assert.match(describeLost(judged), /: t\/0 \(is published by 1 device\) and 59 more$/);
  assert.equal(unbridgedReason('now', judged, 'ops'), 'now (unbridged-ok by ops: t/0, t/1, t/10 and 57 more)');
  assert.match(unbridgedReason('', judged, 'ops'), /^unbridged-ok by ops: /);
});

test('a rule’s condition is that of its slots', () => {
  const conditionOf = (slots: Parameters<typeof aSlot>[0][], wish = {}) => {
    const content = { statuses: [aProcess(slots.map((slot) => aSlot(slot)))], wishes: { up: wish } };
    return ruleConditions([up], content, { isElsewhere: false })[0];
  };
  assert.equal(conditionOf([{ rule: 'up' }])?.state, 'running');
  assert.equal(conditionOf([{ rule: 'up' }], { isPaused: true })?.state, 'paused');
  assert.equal(conditionOf([{ rule: 'up', state: 'paused' }])?.state, 'paused');
  assert.equal(conditionOf([{ rule: 'up' }, { rule: 'up', state: 'stopped' }])?.state, 'stopped');
  assert.equal(conditionOf([{ rule: 'up', state: 'leaving' }])?.state, 'idle');
  assert.equal(conditionOf([{ rule: 'other' }])?.state, 'idle');
  assert.equal(conditionOf([{ rule: 'up', isSubscribed: false }])?.state, 'unsubscribed');
  assert.equal(conditionOf([{ rule: 'up', isSubscribed: false }, { rule: 'up' }])?.state, 'running');
  const part = (index: number, isSubscribed = true) => ({
    ...{ rule: 'up', isSubscribed, place: { kind: 'partition', index, count: 2 } as const },
  });
  assert.equal(conditionOf([part(0), part(1)])?.state, 'running');
  assert.equal(conditionOf([part(0), part(1, false)])?.state, 'unsubscribed', 'a part of the keys is not carried');
  assert.equal(conditionOf([part(0)])?.state, 'unsubscribed');
  const lag = conditionOf([
    { rule: 'up', lag: { p50Ms: 1, p999Ms: 20 }, spool: { messages: 3, bytes: 9 } },
    { rule: 'up', lag: { p50Ms: 1, p999Ms: 70 }, spool: { messages: 4, bytes: 9 } },
  ]);
  assert.deepEqual([lag?.lagMs, lag?.spooled], [70, 7]);
});

test('of a bridge that nobody sees nothing is known where it may run elsewhere', () => {
  const none = { statuses: [], wishes: {} };
  const stateOf = (...[content, options]: [typeof none | undefined, { isElsewhere: boolean }]) =>
    ruleConditions([up], content, options)[0]?.state;
  assert.equal(stateOf(none, { isElsewhere: false }), 'idle');
  assert.equal(stateOf(none, { isElsewhere: true }), 'unknown');
  assert.equal(stateOf(undefined, { isElsewhere: false }), 'unknown');
});
