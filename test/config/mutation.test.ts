// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…}
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderMistakes } from '../../src/config/configuration-mistake.ts';
import { renderConfiguration } from '../../src/config/render-configuration.ts';
import { load, token } from './loading.ts';

const example = readFileSync(new URL('../../config/crossfade.example.yaml', import.meta.url), 'utf8')
  .replaceAll('../certs/dev/', 'certs/')
  .replaceAll(/^# (?=nameserver|sites|bridge|services| {2})/gm, '');

const splinters = [
  '{',
  '}',
  '[',
  ']',
  ':',
  '- ',
  '"',
  "'",
  '\n',
  '\t',
  '&a ',
  '*a',
  '!!int ',
  '#',
  ',',
  '|',
  '>',
  '${',
  '}',
  '$${',
  '${CROSSFADE_TOKEN}',
  '${file:certs/server.key}',
  'null',
  '~',
  '-1',
  '1e999',
  '.nan',
  '0x10',
  '__proto__',
  '<<: ',
  '? ',
  '---\n',
  '%YAML 1.1\n',
  '\0',
  '\u2028',
  '\uD800',
  'version',
  'toString',
  '/',
  '99999999999999999999',
];

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.oneof(fc.constant(0), fc.nat(12), fc.nat(200)),
  insert: fc.oneof(fc.constantFrom(...splinters), fc.string({ maxLength: 6 })),
});

test('a mutated file is never a crash: always a configuration, or mistakes with places and without secrets', () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      let text = example;
      for (const { at, cut, insert } of mutations) {
        const offset = Math.floor(at * text.length);
        text = text.slice(0, offset) + insert + text.slice(offset + cut);
      }
      const loaded = load(text, { files: { '/etc/crossfade/zones/mqtt.example.com.zone': '' } });
      if (loaded.ok) {
        assert.equal(renderConfiguration(loaded.value.configuration).includes(`token: ${token}`), false);
        return;
      }
      assert.ok(loaded.error.length > 0);
      const lines = text.split('\n').length;
      for (const { line, column, message } of loaded.error) {
        assert.ok(line >= 1 && line <= lines + 1 && column >= 1, `${line}:${column}`);
        assert.ok(message.length > 0 && !message.includes('\n'), message);
      }
      assert.equal(renderMistakes(loaded.error).includes('PRIVATE KEY'), false);
    }),
    { numRuns: 150 },
  );
});
