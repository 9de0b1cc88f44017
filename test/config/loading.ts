import { readFileSync } from 'node:fs';
import type { Result } from '../../src/base/result.ts';
import { type ConfigurationMistake, renderMistakes } from '../../src/config/configuration-mistake.ts';
import { type LoadedConfiguration, loadConfiguration } from '../../src/config/load-configuration.ts';
import { createFakeSource, pkiFiles } from './fake-source.ts';

/** Where the fake files stand. */
export const file = '/etc/crossfade/crossfade.yaml';

const files = pkiFiles('/etc/crossfade/certs');

/** The smallest configuration, which the tests change; its certificates exist. */
export const minimal = readFileSync(new URL('../../config/minimal.yaml', import.meta.url), 'utf8').replaceAll(
  '../certs/dev/',
  'certs/',
);

export interface World {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly variables?: Readonly<Record<string, string>>;
}

export const token = 'a-token-of-some-length';

export function load(
  text: string | Uint8Array,
  world: World = {},
): Result<LoadedConfiguration, readonly ConfigurationMistake[]> {
  const variables = { CROSSFADE_TOKEN: token, ...world.variables };
  return loadConfiguration(file, createFakeSource({ ...files, ...world.files, [file]: text }, variables));
}

/** The loaded configuration; throws the rendered mistakes when there are any. */
export function loadRight(text: string, world: World = {}): LoadedConfiguration {
  const loaded = load(text, world);
  if (!loaded.ok) throw new Error(renderMistakes(loaded.error));
  return loaded.value;
}

/** The mistakes as `line:column path: message`; throws when there are none. */
export function mistakesOf(text: string | Uint8Array, world: World = {}): readonly string[] {
  const loaded = load(text, world);
  if (loaded.ok) throw new Error('expected mistakes, got a configuration');
  return loaded.error.map(
    ({ line, column, path, message }) => `${line}:${column} ${path === '' ? '' : `${path}: `}${message}`,
  );
}

/** The minimal configuration with one text replaced; throws when it is not there. */
export function changed(before: string, after: string, text = minimal): string {
  if (!text.includes(before)) throw new Error(`expected ${JSON.stringify(before)} in the configuration`);
  return text.replace(before, () => after);
}
