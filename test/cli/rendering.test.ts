import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderAssessment } from '../../src/cli/assessment-rendering.ts';
import { renderDuration, renderMoveOutcome, renderMoves } from '../../src/cli/move-rendering.ts';
import { parsePlanFile, renderPlanFile } from '../../src/cli/plan-file.ts';
import { renderSeen, renderStatus } from '../../src/cli/status-rendering.ts';
import { createStyle } from '../../src/cli/style.ts';
import { hasColour } from '../../src/cli/terminal.ts';
import {
  parseCountOption,
  parsePaceOption,
  parseWeightOption,
  renderWeightInWords,
} from '../../src/cli/weight-option.ts';
import { explainReason, renderWhere } from '../../src/cli/where-rendering.ts';
import { moveDocument, planDocument, statusDocument, whereDocument } from './sample-documents.ts';

const plain = createStyle(false);

test('weights are typed in per cent or basis points and printed in both', () => {
  assert.deepEqual(['5%', '0.01%', '500bps', '100%'].map(parseWeightOption), [500, 1, 500, 10_000]);
  assert.equal(renderWeightInWords(500), '5% (500 bps)');
  assert.equal(renderWeightInWords(1), '0.01% (1 bps)');
  for (const wrong of ['5', '101%', '0.001%', '-1%', 'all']) assert.throws(() => parseWeightOption(wrong), /weight/);
});

test('pace and counts are whole numbers from 1', () => {
  assert.deepEqual(['100/s', '7'].map(parsePaceOption), [100, 7]);
  assert.deepEqual(['1', '200'].map(parseCountOption), [1, 200]);
  for (const wrong of ['0', '1.5', '10/min', 'fast']) {
    assert.throws(() => parsePaceOption(wrong), /sessions per second/);
    assert.throws(() => parseCountOption(wrong), /whole number/);
  }
});

test('colour is for terminals, and never where NO_COLOR is set', () => {
  assert.equal(hasColour({ isTTY: true }, {}), true);
  assert.equal(hasColour({ isTTY: true }, { NO_COLOR: '' }), true);
  assert.equal(hasColour({ isTTY: true }, { NO_COLOR: '1' }), false);
  assert.equal(hasColour({ isTTY: true }, { TERM: 'dumb' }), false);
  assert.equal(hasColour({}, {}), false);
});

test('renderAssessment says what is not in its figures, and lets no device write on the terminal', () => {
  const cohort = {
    cohort: 'everyone',
    source: 'legacy',
    target: 'aws',
    observedSince: null,
    devices: 0,
    asIs: 0,
    adapted: { devices: 0, kinds: [] },
    cannot: { devices: 0, reasons: [] },
    notListed: 7,
  };
  assert.equal(
    renderAssessment({ cohorts: [cohort], dropped: 2 }, plain),
    [
      'COHORT    TARGET  DEVICES  AS THEY ARE  ADAPTED  CANNOT MOVE  OBSERVED SINCE',
      'everyone  aws           0            0        0            0  not yet',
      '',
      'not in these figures: everyone: devices beyond limits.assessedDevices came 7 times',
      'not in these figures: 2 findings were lost while the control process was away or its disk was full',
      '',
    ].join('\n'),
  );
  const lastSeen = '2026-03-01T12:00:00.000Z';
  const examples = [{ clientId: 'a\u001b[2J', reason: 'topic-depth', example: 'x\u0007', lastSeen }];
  const held = { ...cohort, cannot: { devices: 1, reasons: [{ reason: 'topic-depth', devices: 1, examples }] } };
  const text = renderAssessment({ cohorts: [held], dropped: 0 }, plain);
  assert.ok(text.includes('a\\u001b[2J') && text.includes('x\\u0007') && !text.includes('\u001b'));
});

test('renderWhere says broker and why, a fact a line', () => {
  const text = renderWhere({ ...whereDocument, planFrom: 'file' }, plain);
  assert.equal(
    text,
    [
      'device    device-000002',
      'key       clientid:device-000002',
      'cohort    everyone',
      'position  1265.3239',
      'weight    20% (2000 bps)',
      'broker    aws',
      'why       position 1265.3239 in everyone is below the weight 20% (2000 bps): target',
      "revision  4 (the file's plan, there is no store yet)",
      '',
    ].join('\n'),
  );
});

test('explainReason has a sentence for every reason', () => {
  const none = { ...whereDocument, cohort: null, position: null, weightBps: null };
  assert.match(explainReason({ ...whereDocument, reason: 'cohort-source' }), /not below the weight 20%.*source$/);
  assert.match(explainReason({ ...none, reason: 'override' }), /override/);
  assert.match(explainReason({ ...none, reason: 'no-cohort' }), /no cohort matches/);
  assert.match(explainReason({ ...none, reason: 'no-key' }), /none of the fleet's identities/);
});

test('renderSeen tells devices on the target of devices seen, and nothing of none', () => {
  assert.equal(renderSeen({ sessions: { source: 952, target: 48, moving: 0 } }), '48/1000 4.8%');
  assert.equal(renderSeen({ sessions: { source: 0, target: 0, moving: 0 } }), '0/0');
});

test('renderStatus paints a broker without a connection as down', () => {
  const painted = { ...plain, good: (text: string) => `<good>${text}`, bad: (text: string) => `<bad>${text}` };
  const text = renderStatus(statusDocument, '', painted);
  assert.match(text, /^legacy .*<good>up$/m);
  assert.match(text, /^aws .*<bad>down$/m);
});

test('renderStatus tells why a site is out, that a zone is older than its files, and what ails an alias', () => {
  const site = {
    name: 'eu',
    health: 'up',
    addresses: ['192.0.2.1', '192.0.2.2'],
    downAddresses: ['192.0.2.2'],
  } as const;
  const said = { author: 'ops', at: '2026-03-01T12:00:00.000Z', reason: 'maintenance' };
  const text = renderStatus(
    {
      ...statusDocument,
      sites: [{ ...site, drained: true, forced: null, detail: 'tcp 8883: refused', said }],
      zones: [
        { origin: 'mqtt.example.com', serial: 7, signed: true, mistakes: ['zone:3: expected A, got B'] },
        { origin: 'example.net', serial: 1, signed: false, mistakes: [] },
      ],
      aliases: [
        { alias: 'ats.example.org', addresses: ['192.0.2.9'], resolvedAt: null, problem: 'queryA ETIMEOUT' },
        { alias: 'b.example.org', addresses: [], resolvedAt: said.at, problem: null },
      ],
    },
    '',
    plain,
  );
  const rows = text.split('\n').map((line) => line.split(/ {2,}/).join(' | '));
  for (const row of [
    'eu | up | yes | 192.0.2.1 192.0.2.2(down) | ops at 2026-03-01T12:00:00.000Z: maintenance tcp 8883: refused',
    'mqtt.example.com | 7 | yes | 1 mistake: the zone before is served ("dns reload" lists them)',
    'example.net | 1 | no | served',
    'ats.example.org | not since the start | queryA ETIMEOUT | 192.0.2.9',
    `b.example.org | ${said.at} | none | none`,
  ]) {
    assert.ok(rows.includes(row), `${row}\n${rows.join('\n')}`);
  }
});

test('renderMoves lists what is under way and the last five that ended, newest first', () => {
  const moves = Array.from({ length: 9 }, (_, index) => ({ ...moveDocument, id: `m-${9 - index}` }));
  const paused = { ...moveDocument, id: 'm-0', state: 'paused' } as const;
  const lines = renderMoves([...moves, paused], plain)
    .trimEnd()
    .split('\n')
    .slice(1);
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['m-9', 'm-8', 'm-7', 'm-6', 'm-5', 'm-0'],
  );
  assert.equal(renderMoves([], plain), '');
});

test('renderMoveOutcome lists figures, pending and refused sessions with their reasons', () => {
  const move = {
    ...moveDocument,
    pending: {
      offline: 2,
      unknownSubscriptions: 0,
      asleep: 1,
      unregistered: 0,
      listed: [{ clientId: 'sleeper', reason: 'half a packet' }],
    },
    refused: Array.from({ length: 21 }, (_, index) => ({ clientId: `meter-${index}`, reason: 'persistent session' })),
    refusedTotal: 21,
  };
  const lines = renderMoveOutcome(move, plain).split('\n');
  assert.deepEqual(lines.slice(0, 2), [
    'STATE  ELIGIBLE  MOVED  PENDING  REFUSED   TOOK',
    'done         40     40        3       21  1.2 s',
  ]);
  assert.ok(lines.includes('  2 offline, will follow the plan when they connect'));
  assert.ok(lines.includes('sleeper  half a packet'));
  const prepared = renderMoveOutcome({ ...move, prepareOnly: true }, plain);
  assert.match(prepared, /^ {2}2 offline, not prepared: nothing moves them before the cutover$/m);
  assert.ok(lines.includes('meter-19  persistent session') && !lines.some((line) => line.startsWith('meter-20')));
  assert.ok(lines.includes('… and 1 more: --json lists them'));
  const beyond = renderMoveOutcome({ ...move, refusedTotal: 5_000 }, plain);
  assert.match(beyond, /^… and 4980 more: --json lists 21 of them$/m);
});

test('renderMoveOutcome says how a move that is not done ended', () => {
  const ended = (state: 'failed' | 'superseded', message: string | null) =>
    renderMoveOutcome({ ...moveDocument, state, message }, plain);
  assert.match(
    ended('failed', 'broker aws is down'),
    /The move failed: broker aws is down\n {2}look at aws first, .*\n {2}the plan has its new weight, .*repeat .*"crossfade rollback" takes them back\n$/,
  );
  const back = { ...moveDocument, kind: 'rollback', state: 'failed', destinations: ['legacy'] } as const;
  const failedBack = renderMoveOutcome(back, plain);
  assert.match(
    failedBack,
    /\n {2}look at legacy first, .*\n {2}the plan has its new weight, .*repeat the command to go on\n$/,
  );
  assert.doesNotMatch(failedBack, /crossfade rollback/);
  const prepare = renderMoveOutcome({ ...moveDocument, prepareOnly: true, state: 'aborted' }, plain);
  assert.match(prepare, /\n {2}nothing has moved, the plan is as it was: repeat the command to prepare again\n$/);
  assert.match(ended('superseded', null), /A newer revision took over: its own move goes on from here\n$/);
});

test('renderDuration reads like a person says it', () => {
  assert.deepEqual([12.4, 1_250, 59_940, 61_000].map(renderDuration), ['12 ms', '1.3 s', '59.9 s', '1 min 1 s']);
});

test('a plan file is YAML with the revision on top, and reads back as it was', () => {
  const text = renderPlanFile(planDocument);
  assert.match(text, /^revision: 4\ndefault: legacy\n/);
  const { revision, ...plan } = planDocument;
  assert.deepEqual(parsePlanFile(text), { ok: true, value: { revision, plan } });
});

test('parsePlanFile says what is wrong', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /no mapping/],
    ['- a', /no mapping/],
    ['default: legacy', /"revision" that the plan was made from/],
    ['revision: soon', /"revision" that the plan was made from/],
    ['revision: 1\nrevision: 2', /unique.*line 2/s],
    ['revision: [1', /line 1/],
    [`a: &a [x, x]\n${'b: [*a, *a]\n'.repeat(1)}c: &c [*a, *a]\nd: [${'*c, '.repeat(200)}]\nrevision: 1`, /alias/],
  ];
  for (const [text, expected] of wrong) {
    const file = parsePlanFile(text);
    assert.ok(!file.ok, text);
    assert.match(file.error, expected);
  }
});
