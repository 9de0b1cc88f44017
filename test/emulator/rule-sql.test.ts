import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IotRefusal } from '../../src/emulator/account/refusal.ts';
import { matchesRuleFilter } from '../../src/emulator/rules/rule-filter.ts';
import { evaluateStatement, readSqlInput } from '../../src/emulator/rules/sql-evaluation.ts';
import type { SqlMessage } from '../../src/emulator/rules/sql-functions.ts';
import { parseSqlStatement } from '../../src/emulator/rules/sql-parser.ts';
import { readTemplateText, renderTemplate } from '../../src/emulator/rules/substitution-template.ts';

function message(payload: string | Buffer, changes: Partial<SqlMessage> = {}): SqlMessage {
  return {
    topic: 'sites/7/temperature',
    payload: Buffer.from(payload),
    clientId: 'meter-7',
    principalId: 'ab'.repeat(32),
    userProperties: [
      ['cohort', 'blue'],
      ['cohort', 'green'],
    ],
    wallMs: 1_764_000_000_000,
    accountId: '123456789012',
    traceId: 'trace',
    uuid: () => 'uuid',
    ...changes,
  };
}

const reading = '{"color":"red","temperature":50,"deep":{"list":[10,20]},"text":"12"}';

function selected(sql: string, of: SqlMessage = message(reading)): unknown {
  const output = evaluateStatement(parseSqlStatement(sql), readSqlInput(of));
  return output?.kind === 'bytes' ? output.bytes.toString() : output?.object;
}

const binary = message(Buffer.of(0xff, 0x00, 0x80));

const selections: [sql: string, expected: unknown, of?: SqlMessage][] = [
  [`SELECT * FROM '#'`, reading],
  [`SELECT * FROM '#'`, Buffer.of(0xff, 0x00, 0x80).toString(), binary],
  [`SELECT color FROM '#'`, { color: 'red' }],
  [`select color as my_color, temperature as fahrenheit from '#'`, { my_color: 'red', fahrenheit: 50 }],
  [`SELECT color AS "a key" FROM '#'`, { 'a key': 'red' }],
  [`SELECT deep.list[1] AS second, deep.list FROM '#'`, { second: 20, list: [10, 20] }],
  [`SELECT *, topic(2) AS site FROM '#'`, { ...JSON.parse(reading), site: '7' }],
  [
    `SELECT topic() AS t, topic(3) AS last, topic(4) AS none FROM '#'`,
    { t: 'sites/7/temperature', last: 'temperature' },
  ],
  [
    `SELECT clientid() AS c, principal() AS p, timestamp() AS ts, newuuid() AS u FROM '#'`,
    { c: 'meter-7', p: 'ab'.repeat(32), ts: 1_764_000_000_000, u: 'uuid' },
  ],
  [`SELECT clientid() AS c FROM '#'`, { c: 'n/a' }, message('{}', { clientId: undefined })],
  [
    `SELECT encode(*, 'base64') AS data, topic() AS topic FROM '#'`,
    { data: '/wCA', topic: 'sites/7/temperature' },
    binary,
  ],
  [`SELECT encode(color, 'base64') AS data FROM '#'`, { data: 'cmVk' }],
  [
    `SELECT get_user_properties('cohort') AS all_, get(get_user_properties('cohort'), 0) AS one FROM '#'`,
    { all_: ['blue', 'green'], one: 'blue' },
  ],
  [`SELECT nothing, deep.nothing.more FROM '#'`, {}],
  [`SELECT topic() FROM '#'`, { topic: 'sites/7/temperature' }],
  [`SELECT temperature * 2 + 1 AS x, temperature / 0 AS none, -temperature AS minus FROM '#'`, { x: 101, minus: -50 }],
  [`SELECT 'it''s' AS x FROM '#'`, { x: "it's" }],
  [`SELECT color FROM '#' WHERE temperature > 49`, { color: 'red' }],
  [`SELECT color FROM '#' WHERE temperature > 50`, undefined],
  [`SELECT color FROM '#' WHERE temperature >= 50 AND color = 'red'`, { color: 'red' }],
  [`SELECT color FROM '#' WHERE temperature < 50 OR color <> 'blue'`, { color: 'red' }],
  [`SELECT color FROM '#' WHERE color != 'red'`, undefined],
  [`SELECT color FROM '#' WHERE text = 12`, { color: 'red' }],
  [`SELECT color FROM '#' WHERE nothing = 1`, undefined],
  [`SELECT color FROM '#' WHERE NOT nothing = 1`, undefined],
  [`SELECT color FROM '#' WHERE isUndefined(nothing)`, { color: 'red' }],
  [`SELECT color FROM '#' WHERE color = 'blue' OR color = 'red' AND temperature = 1`, undefined],
  [`SELECT color FROM '#' WHERE (color = 'red' OR color = 'blue') AND topic(1) = 'sites'`, { color: 'red' }],
  [`SELECT color FROM '#' WHERE color > 5`, undefined],
  [`SELECT color FROM '#'`, {}, binary],
  [`SELECT constructor, toString AS t FROM '#'`, {}],
  [`SELECT color`, { color: 'red' }],
];

describe('SQL', () => {
  for (const [sql, expected, of] of selections) {
    test(sql, () => assert.deepEqual(selected(sql, of), expected));
  }

  const faults = [
    '',
    'SELECT',
    'SELECT FROM a',
    `SELECT * FROM`,
    `SELECT * FROM topic`,
    `SELECT * FROM 'a/#/b'`,
    `SELECT * FROM ''`,
    `SELECT * FROM '#' WHERE`,
    `SELECT * FROM '#' WHERE a =`,
    `SELECT * FROM '#' LIMIT 1`,
    `SELECT a AS FROM '#'`,
    `SELECT a + b FROM '#'`,
    `SELECT unheard_of() FROM '#'`,
    `SELECT topic(1, 2) FROM '#'`,
    `SELECT CASE a WHEN 1 THEN 2 END AS x FROM '#'`,
    `SET @a = 1 SELECT * FROM '#'`,
    `SELECT * FROM '#' -- comment`,
    `SELECT 'open FROM '#'`,
    `SELECT ${'('.repeat(60)}1${')'.repeat(60)} AS x FROM '#'`,
    `SELECT ${'-'.repeat(200_000)}1 AS x FROM '#'`,
    `DELETE * FROM '#'`,
  ];
  for (const sql of faults) {
    test(`SqlParseException: ${sql.slice(0, 60)}`, () => {
      assert.throws(
        () => parseSqlStatement(sql),
        (error) => error instanceof IotRefusal && error.exception === 'SqlParseException',
      );
    });
  }
});

describe('templates', () => {
  const rows: [string, string][] = [
    [`\${topic()}/\${timestamp()}-\${newuuid()}`, 'sites/7/temperature/1764000000000-uuid'],
    [`$$aws/things/\${topic(2)}/x`, '$aws/things/7/x'],
    [`\${color}-\${deep.list[0]}-\${nothing}`, 'red-10-undefined'],
    ['plain', 'plain'],
    ['', ''],
  ];
  for (const [template, expected] of rows) {
    test(template, () =>
      assert.equal(renderTemplate(readTemplateText(template), readSqlInput(message(reading))), expected),
    );
  }
  for (const template of [`\${`, `\${}`, `\${unheard_of()}`, `\${topic(}`]) {
    test(`SqlParseException: ${template}`, () => assert.throws(() => readTemplateText(template), IotRefusal));
  }
});

describe('FROM', () => {
  const rows: [filter: string | undefined, topic: string, expected: boolean][] = [
    ['#', 'a/b', true],
    ['#', '$aws/events/presence/connected/x', false],
    ['+/b', '$aws/b', false],
    ['$aws/events/#', '$aws/events/presence/connected/x', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a', false],
    ['a/+/#', 'a/b', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    [undefined, 'a', false],
  ];
  for (const [filter, topic, expected] of rows) {
    test(`${filter} ${expected ? 'meets' : 'does not meet'} ${topic}`, () =>
      assert.equal(matchesRuleFilter(filter, topic), expected));
  }
});
