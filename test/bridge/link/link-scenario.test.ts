import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bridgeTrace, isBridgeScript } from './bridge-script.ts';
import { linkTrace } from './link-script.ts';

/** Each file: what comes in, `----`, what comes of it. `UPDATE_SCENARIOS=1` writes the second half anew, to be read. */
const folder = join(import.meta.dirname, '../../scenario/bridge');

describe('what broke in other bridges', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
    test(file.slice(0, -4), () => {
      const path = join(folder, file);
      const written = readFileSync(path, 'utf8');
      const [script = ''] = written.split('----\n');
      const commands = script.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const trace = isBridgeScript(commands) ? bridgeTrace : linkTrace;
      const played = `${script.trimEnd()}\n----\n${trace(commands).join('\n')}\n`;
      if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(path, played);
      else assert.equal(written, played);
    });
  }
});
