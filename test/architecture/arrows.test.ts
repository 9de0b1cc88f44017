import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { describe, test } from 'node:test';
import { roomsUsedBy } from './rooms.ts';
import {
  arrowMistakes,
  cycleMistakes,
  lengthMistakes,
  namingMistakes,
  purityMistakes,
  type Sources,
  tableMistakes,
} from './source-checks.ts';
import { codeOf } from './source-text.ts';

const root = join(import.meta.dirname, '../..');
const sources: Sources = new Map(
  globSync('src/**/*.ts', { cwd: root }).map((file) => [
    file.split(sep).join('/'),
    readFileSync(join(root, file), 'utf8'),
  ]),
);

/** Fails with one line a mistake. */
function assertNone(mistakes: readonly string[]): void {
  assert.ok(mistakes.length === 0, `\n${mistakes.join('\n')}`);
}

describe('the house', () => {
  test('has sources to look at', () => assert.ok(sources.size > 20));
  test('every source is understood by the scanner: its code has no quote and as many brackets open as close', () => {
    const count = (code: string, form: RegExp) => code.match(form)?.length ?? 0;
    const misread = [...sources].filter(([, source]) => {
      const code = codeOf(source);
      return /['"`]/.test(code) || count(code, /[([{]/g) !== count(code, /[)\]}]/g);
    });
    assertNone(misread.map(([file]) => file));
  });
  test('the table of rooms goes in no circle', () => assertNone(tableMistakes(roomsUsedBy)));
  test('imports point down, as the table says', () => assertNone(arrowMistakes(sources)));
  test('imports go in no circle, types included', () => assertNone(cycleMistakes(sources)));
  test('machines touch no socket, timer, clock, randomness, environment or file', () =>
    assertNone(purityMistakes(sources)));
  test('files are named by what they own', () => assertNone(namingMistakes(sources.keys())));
  test('files are short enough to be read at once', () => assertNone(lengthMistakes(sources)));
});

function from(files: Readonly<Record<string, string>>): Sources {
  return new Map(Object.entries(files));
}

describe('the checks themselves', () => {
  const target = { 'src/base/x.ts': '', 'src/gateway/x.ts': '', 'src/plan/x.ts': '', 'src/plan/store/x.ts': '' };

  test('an arrow up, sideways, out of src or from no room is a mistake, in every form of import', () => {
    const forms = [
      `import { a } from '../gateway/x.ts';`,
      `import type { A } from '../gateway/x.ts';`,
      `import { type A,\n  b } from "../gateway/x.ts";`,
      `export { a } from '../gateway/x.ts';`,
      `export * from '../gateway/x.ts';`,
      `import '../gateway/x.ts';`,
      `const later = await import('../gateway/x.ts');`,
    ];
    for (const form of forms) {
      assert.deepEqual(arrowMistakes(from({ ...target, 'src/mqtt/y.ts': form })), [
        'src/mqtt/y.ts: mqtt may not use gateway (src/gateway/x.ts)',
      ]);
    }
    assert.equal(arrowMistakes(from({ ...target, 'src/mqtt/y.ts': `import '../plan/x.ts';` })).length, 1);
    assert.equal(arrowMistakes(from({ ...target, 'src/attic/y.ts': '' })).length, 1);
    assert.equal(arrowMistakes(from({ ...target, 'src/y.ts': '' })).length, 1);
    assert.equal(arrowMistakes(from({ ...target, 'src/app/y.ts': `import '../../bench/x.ts';` })).length, 1);
    assert.deepEqual(arrowMistakes(from({ 'src/app/y.ts': `import it from '../../package.json';` })), []);
    assert.equal(arrowMistakes(from({ ...target, 'src/plan/y.ts': `import './store/x.ts';` })).length, 1);
    const beside = { 'src/bridge/x.ts': '', 'src/bridge/link/y.ts': `import '../x.ts';` };
    assert.equal(arrowMistakes(from(beside)).length, 1);
  });

  test('arrows down, within a room, to packages and in comments are none', () => {
    const source = `import fs from 'node:fs'; import { z } from 'zod'; import '../base/x.ts'; import '../plan/store/x.ts';
      import './x.ts'; // import '../cli/x.ts'
      /* import '../cli/x.ts' */`;
    assert.deepEqual(arrowMistakes(from({ ...target, 'src/gateway/y.ts': source })), []);
  });

  test('a circle is a mistake, of two, of three and by types', () => {
    const circle = from({
      'src/base/a.ts': `import type { B } from './b.ts';`,
      'src/base/b.ts': `export { c } from './c.ts';`,
      'src/base/c.ts': `import './a.ts';`,
    });
    assert.deepEqual(cycleMistakes(circle), ['src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts']);
    assert.equal(tableMistakes({ plan: ['dns'], dns: ['plan'] }).length, 1);
  });

  test('a machine that touches the world is a mistake; a shell, a comment and a string are none', () => {
    const effects = [
      `import { connect } from 'node:net';`,
      `import fs from 'node:fs/promises';`,
      `import { setTimeout } from 'node:timers/promises';`,
      `import { hash, randomBytes as bytes } from 'node:crypto';`,
      `import * as crypto from 'node:crypto';`,
      'const now = Date.now();',
      'const now = new Date();',
      'const now = performance.now();',
      'const half = total / 2; const r = Math.random(); // "',
      `const name = \`a \${process.env.NAME}\`;`,
      'setImmediate(go);',
      `const text = \`\${a} and\`; setTimeout(go, 5); const rest = \`\${b}\`;`,
      `const text = \`\${list.map(({ a }) => \`\${a}-\${Date.now()}\`)}\`;`,
      `const quote = /['"]/; queue(setTimeout, 5); const other = "'";`,
    ];
    for (const effect of effects) {
      assert.ok(purityMistakes(from({ 'src/mqtt/y.ts': effect })).length > 0, effect);
      assert.deepEqual(purityMistakes(from({ 'src/plan/store/y.ts': effect })), []);
      assert.ok(purityMistakes(from({ 'src/bridge/link/y.ts': effect })).length > 0, effect);
      assert.deepEqual(purityMistakes(from({ 'src/bridge/y.ts': effect })), []);
    }
    const innocent = `/** Unlike Date.now(), this. */ const text = 'setTimeout(…)'; const at = new Date(nowMs); child.process.x();
      import { hash } from 'node:crypto'; const form = /setTimeout\\(/;`;
    assert.deepEqual(purityMistakes(from({ 'src/dns/y.ts': innocent })), []);
  });

  test('a name that owns nothing, another case and a long file are mistakes', () => {
    const names = [
      'base/utils.ts',
      'base/index.ts',
      'mqtt/topic-helpers.ts',
      'misc/a.ts',
      'base/fooBar.ts',
      'Base/a.ts',
    ];
    assert.equal(namingMistakes(names.map((name) => `src/${name}`)).length, names.length);
    assert.deepEqual(namingMistakes(['src/plan/store/plan-store.ts', 'src/base/utilization.ts']), []);
    assert.deepEqual(lengthMistakes(from({ 'src/base/a.ts': 'x\n'.repeat(350) })), []);
    assert.equal(lengthMistakes(from({ 'src/base/a.ts': 'x\n'.repeat(351) })).length, 1);
  });
});
