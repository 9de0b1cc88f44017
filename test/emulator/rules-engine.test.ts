import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Action } from '@aws-sdk/client-iot';
import type { FunctionHandler } from '../../src/emulator/account/functions.ts';
import type { AcceptedMessage, MessageBroker } from '../../src/emulator/account-gate.ts';
import { createLocalDestinations, pathSegment } from '../../src/emulator/rules/local-destinations.ts';
import { createRulesEngine, type RulesEngine } from '../../src/emulator/rules/rules-engine.ts';
import { AccountDesk } from './account-desk.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:f';
const roleArn = 'arn:aws:iam::123456789012:role/rules';

interface RuleWorld {
  readonly desk: AccountDesk;
  readonly engine: RulesEngine;
  readonly folder: string;
  readonly published: Parameters<MessageBroker['publish']>[0][];
  readonly warnings: string[];
  addRule(ruleName: string, sql: string, actions: Action[], errorAction?: Action): void;
}

async function ruleWorld(t: TestContext, handler?: FunctionHandler, maxRunning?: number): Promise<RuleWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-rules-'));
  t.after(() => rm(folder, { recursive: true }));
  const desk = new AccountDesk({ functions: new Map(handler === undefined ? [] : [[functionArn, handler]]) });
  const published: Parameters<MessageBroker['publish']>[0][] = [];
  const warnings: string[] = [];
  const engine = createRulesEngine({
    account: desk.account,
    broker: { publish: (message) => published.push(message) },
    destinations: createLocalDestinations(folder),
    log: { warn: (_fields: object, text: string) => warnings.push(text) } as never,
    ...(maxRunning === undefined ? {} : { maxRunning }),
  });
  return {
    ...{ desk, engine, folder, published, warnings },
    addRule(ruleName, sql, actions, errorAction) {
      const topicRulePayload = { sql, actions, ...(errorAction === undefined ? {} : { errorAction }) };
      desk.call('CreateTopicRule', { ruleName, topicRulePayload } as never);
    },
  };
}

function message(
  topic: string,
  payload: string | Buffer = '{"x":1}',
  changes: Partial<AcceptedMessage> = {},
): AcceptedMessage {
  const from = { clientId: 'meter-7', principalId: 'ab', userProperties: [], wallMs: 1_764_000_000_000 };
  return { topic, payload: Buffer.from(payload), qos: 1, retain: false, ...from, ...changes };
}

const s3 = (key: string): Action => ({ s3: { roleArn, bucketName: 'safety-net', key } });
const republish = (topic: string): Action => ({ republish: { roleArn, topic, qos: 1 } });

describe('rules', () => {
  test('the safety net: each message an object below its topic, with its bytes', async (t) => {
    const world = await ruleWorld(t);
    const sql = `SELECT encode(*, 'base64') AS data, topic() AS topic, clientid() AS clientId, principal() AS principal, timestamp() AS ts FROM '#'`;
    world.addRule('net', sql, [s3(`\${topic()}/\${timestamp()}-\${newuuid()}`)]);
    const bytes = Buffer.of(0, 0xff, 0x80);
    world.engine.accept(message('a/b', bytes));
    world.engine.accept(message('a/b', bytes));
    world.engine.accept(message('$aws/events/presence/connected/x'));
    await world.engine.settled();
    const bucket = join(world.folder, 's3', 'safety-net');
    const objects = await readdir(join(bucket, 'a', 'b'));
    assert.equal(objects.length, 2);
    assert.deepEqual(await readdir(bucket), ['a'], 'the service’s own topics are not met by #');
    assert.match(objects[0] ?? '', /^1764000000000-[0-9a-f-]{36}$/);
    assert.deepEqual(JSON.parse(await readFile(join(bucket, 'a', 'b', objects[0] ?? ''), 'utf8')), {
      ...{ data: bytes.toString('base64'), topic: 'a/b', clientId: 'meter-7', principal: 'ab', ts: 1_764_000_000_000 },
    });
  });

  test('a static key is overwritten, and a bare SELECT * is the bytes themselves', async (t) => {
    const world = await ruleWorld(t);
    world.addRule('last', `SELECT * FROM 'a'`, [s3('last')]);
    world.engine.accept(message('a', 'one'));
    await world.engine.settled();
    world.engine.accept(message('a', Buffer.of(0xff)));
    await world.engine.settled();
    assert.deepEqual(await readFile(join(world.folder, 's3', 'safety-net', 'last')), Buffer.of(0xff));
  });

  test('a key does not lead out of its bucket', async (t) => {
    const world = await ruleWorld(t);
    world.addRule('net', `SELECT * FROM '#'`, [s3(`\${topic()}`)]);
    for (const topic of ['../../../out', '/absolute', 'a//b', './x', 'nul\u0001']) world.engine.accept(message(topic));
    await world.engine.settled();
    assert.deepEqual(await readdir(world.folder), ['s3']);
    assert.deepEqual(await readdir(join(world.folder, 's3')), ['safety-net']);
    const below = await readdir(join(world.folder, 's3', 'safety-net'), { recursive: true });
    assert.deepEqual(below.sort(), [
      '%',
      '%/absolute',
      '%2E',
      '%2E%2E',
      '%2E%2E/%2E%2E',
      '%2E%2E/%2E%2E/%2E%2E',
      '%2E%2E/%2E%2E/%2E%2E/out',
      '%2E/x',
      'a',
      'a/%',
      'a/%/b',
      'nul%01',
    ]);
    assert.deepEqual(world.warnings, []);
  });

  test('parts of keys are told apart, however long', () => {
    const parts = [
      '',
      '.',
      '..',
      '%',
      '%2E',
      'a b',
      'a+b',
      'ä',
      'x'.repeat(300),
      `${'x'.repeat(299)}y`,
      'x'.repeat(255),
    ];
    const names = parts.map(pathSegment);
    assert.equal(new Set(names).size, parts.length);
    assert.ok(names.every((name) => name.length <= 255 && !name.includes('/')));
  });

  test('republish: a topic of its own, user properties from templates, $$ for $', async (t) => {
    const world = await ruleWorld(t);
    const userProperties = [{ key: 'from', value: `\${topic(2)}` }];
    world.addRule('copy', `SELECT x FROM 'a/+'`, [
      { republish: { roleArn, topic: `copy/\${topic()}`, qos: 1, headers: { userProperties } } },
      { republish: { roleArn, topic: '$$aws/things/x' } },
    ]);
    world.engine.accept(message('a/b'));
    await world.engine.settled();
    const payload = Buffer.from('{"x":1}');
    assert.deepEqual(world.published, [
      { topic: 'copy/a/b', payload, qos: 1, userProperties: [['from', 'b']] },
      { topic: '$aws/things/x', payload, qos: 0, userProperties: [] },
    ]);
  });

  test('WHERE and a disabled rule keep actions back; Basic Ingest names its rule, whatever FROM says', async (t) => {
    const world = await ruleWorld(t);
    world.addRule('some', `SELECT x FROM 'a' WHERE x > 1`, [republish('out')]);
    world.addRule('ingest', `SELECT topic() AS topic FROM 'never'`, [republish('ingested')]);
    for (const payload of ['{"x":1}', '{"x":2}', 'none']) world.engine.accept(message('a', payload));
    world.engine.accept(message('$aws/rules/ingest/b/c'));
    world.engine.accept(message('$aws/rules/unknown/b'));
    await world.engine.settled();
    assert.deepEqual(
      world.published.map(({ topic, payload }) => [topic, payload.toString()]),
      [
        ['out', '{"x":2}'],
        ['ingested', '{"topic":"b/c"}'],
      ],
    );
    world.desk.call('DisableTopicRule', { ruleName: 'ingest' });
    world.desk.call('DisableTopicRule', { ruleName: 'some' });
    world.engine.accept(message('a', '{"x":2}'));
    world.engine.accept(message('$aws/rules/ingest/b/c'));
    await world.engine.settled();
    assert.equal(world.published.length, 2);
  });

  test('lambda: the function gets the output; what is binary is a failure', async (t) => {
    const events: unknown[] = [];
    const world = await ruleWorld(t, (event) => void events.push(event));
    world.addRule('call', `SELECT * FROM 'a'`, [{ lambda: { functionArn } }], republish('error'));
    world.engine.accept(message('a', '{"y":2}'));
    world.engine.accept(message('a', Buffer.of(0xff)));
    await world.engine.settled();
    assert.deepEqual(events, [{ y: 2 }]);
    assert.equal(world.published.length, 1);
  });

  test('one message goes to the error action, with all that failed and the original payload', async (t) => {
    const world = await ruleWorld(t, () => Promise.reject(new Error('broken')));
    const logs: Action = { cloudwatchLogs: { roleArn, logGroupName: 'rule-errors' } };
    world.addRule(
      'fails',
      `SELECT x FROM 'a'`,
      [{ lambda: { functionArn } }, republish('a/#'), republish('fine')],
      logs,
    );
    world.engine.accept(message('a'));
    await world.engine.settled();
    const lines = (await readFile(join(world.folder, 'logs', 'rule-errors'), 'utf8')).trim().split('\n');
    assert.equal(lines.length, 1);
    const { cloudwatchTraceId, failures, ...rest } = JSON.parse(lines[0] ?? '');
    assert.equal(typeof cloudwatchTraceId, 'string');
    assert.deepEqual(rest, {
      ruleName: 'fails',
      topic: 'a',
      clientId: 'meter-7',
      base64OriginalPayload: Buffer.from('{"x":1}').toString('base64'),
    });
    assert.deepEqual(
      failures.map(({ failedAction, failedResource }: Record<string, string>) => [failedAction, failedResource]),
      [
        ['LambdaAction', functionArn],
        ['RepublishAction', 'a/#'],
      ],
    );
    assert.equal(world.published.length, 1, 'what works is done all the same');
  });

  test('an error action may be an object in S3 too', async (t) => {
    const world = await ruleWorld(t);
    world.addRule('fails', `SELECT x FROM 'a'`, [republish('')], s3('failed'));
    world.engine.accept(message('a'));
    await world.engine.settled();
    assert.equal(
      JSON.parse(await readFile(join(world.folder, 's3', 'safety-net', 'failed'), 'utf8')).ruleName,
      'fails',
    );
  });

  test('more messages than may run at a time lose their rules, and that is said', async (t) => {
    const world = await ruleWorld(t, undefined, 1);
    world.addRule('copy', `SELECT x FROM 'a'`, [republish('out')]);
    world.engine.accept(message('a'));
    world.engine.accept(message('a'));
    await world.engine.settled();
    assert.equal(world.published.length, 1);
    assert.deepEqual(world.warnings, ['too many rules run: a message has been dropped']);
  });

  test('a stopped engine takes nothing more', async (t) => {
    const world = await ruleWorld(t);
    world.addRule('copy', `SELECT x FROM 'a'`, [republish('out')]);
    world.engine.accept(message('a'));
    await world.engine.stop();
    world.engine.accept(message('a'));
    await world.engine.settled();
    assert.equal(world.published.length, 1);
  });
});
