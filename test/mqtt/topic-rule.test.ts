import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changedTopic, orderKey, publishedFilter, type TopicRule, unchangedTopic } from '../../src/mqtt/topic-rule.ts';
import { ruleSetFindings } from '../../src/mqtt/topic-rule-set.ts';

function rule(name: string, way: string, filter: string, topicChange = unchangedTopic): TopicRule {
  const [from = '', to = ''] = way.split('>');
  return {
    ...{ name, from, to, filter, topicChange },
    ...{ qos: 1, order: 'parallel', retained: 'never', undeliverable: 'dead-letter' },
  };
}

function said(...rules: readonly TopicRule[]): readonly string[] {
  return ruleSetFindings(rules).map(({ kind, rules: names }) => `${kind} ${names.join(' ')}`);
}

describe('the topics of a rule', () => {
  test('a prefix is taken off and another put on', () => {
    const change = { stripPrefix: 'site/', addPrefix: 'from-site/' };
    assert.equal(changedTopic('site/dt/1', change), 'from-site/dt/1');
    assert.equal(changedTopic('other/dt/1', change), undefined);
    assert.equal(publishedFilter(rule('r', 'a>b', 'site/+/x', change)), 'from-site/+/x');
  });

  test('nothing left, or a `$` that the filter did not mean, is no topic', () => {
    assert.equal(changedTopic('site/', { stripPrefix: 'site/', addPrefix: '' }), undefined);
    assert.equal(changedTopic('site/$SYS/x', { stripPrefix: 'site/', addPrefix: '' }), undefined);
    assert.equal(changedTopic('$SYS/x', unchangedTopic), '$SYS/x');
  });

  test('the key is a level, and the whole topic where there is none', () => {
    assert.equal(orderKey('dt/meter-7/power', 2), 'meter-7');
    assert.equal(orderKey('dt/meter-7', 2), 'meter-7');
    assert.equal(orderKey('dt', 2), 'dt');
    assert.equal(orderKey('dt//x', 2), '');
    assert.equal(orderKey('meter-7/dt', 1), 'meter-7');
  });
});

describe('a set of rules', () => {
  test('both ways with ranges that meet is a loop, told once', () => {
    assert.deepEqual(said(rule('up', 'a>b', 'dt/#'), rule('down', 'b>a', 'dt/+/x')), ['loop up down']);
    assert.deepEqual(said(rule('up', 'a>b', '#'), rule('down', 'b>a', '#')), ['loop up down']);
  });

  test('ranges apart are none, also by a prefix', () => {
    assert.deepEqual(said(rule('up', 'a>b', 'dt/#'), rule('down', 'b>a', 'cmd/#')), []);
    const prefixed = { stripPrefix: '', addPrefix: 'from-a/' };
    assert.deepEqual(said(rule('up', 'a>b', 'dt/#', prefixed), rule('down', 'b>a', 'dt/#')), ['echo down up']);
    assert.deepEqual(said(rule('up', 'a>b', 'dt/#', prefixed), rule('down', 'b>a', 'cmd/#')), []);
  });

  test('a message that comes back under another topic, and goes round from there, is a loop', () => {
    const add = { stripPrefix: '', addPrefix: 'x/' };
    const strip = { stripPrefix: 'x/', addPrefix: '' };
    assert.deepEqual(said(rule('up', 'a>b', 'dt/#', add), rule('down', 'b>a', 'x/dt/#', strip)), ['loop up down']);
  });

  test('the long way round, over a third broker, is a loop as well', () => {
    const way = [rule('one', 'a>b', 't/#'), rule('two', 'b>c', 't/+'), rule('three', 'c>a', 't/1')];
    assert.deepEqual(said(...way), ['loop one two three']);
  });

  test('two rules that carry the same to the same broker are told of', () => {
    assert.deepEqual(said(rule('all', 'a>b', 'dt/#'), rule('billing', 'a>b', 'dt/+/billing')), ['twice all billing']);
  });

  test('two rules of one share group do not: a group is its name and its filter', () => {
    const shared = (name: string, filter: string, share: string) => ({ ...rule(name, 'a>b', filter), share });
    assert.deepEqual(said(shared('one', 'dt/#', 'g'), shared('two', 'dt/#', 'g')), []);
    assert.deepEqual(said(shared('one', 'dt/#', 'g'), shared('two', 'dt/+', 'g')), ['twice one two']);
    assert.deepEqual(said(shared('one', 'dt/#', 'g'), shared('two', 'dt/#', 'h')), ['twice one two']);
    assert.deepEqual(said(shared('one', 'dt/#', 'g'), rule('two', 'a>b', 'dt/#')), ['twice one two']);
  });
});
