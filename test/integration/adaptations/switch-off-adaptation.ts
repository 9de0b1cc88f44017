import { registerHooks } from 'node:module';
import { type SourceChange, type SwitchName, switchedOff } from './switched-off.ts';

/** Loaded into every process of a gateway under test (`--import`); the environment names the adaptation. */
const name = process.env['ADAPTATION_SWITCHED_OFF'] as SwitchName | undefined;
const changes = name === undefined ? [] : switchedOff[name];

if (changes.length > 0) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const wanted = changes.filter(({ file }) => url.endsWith(`/src/mqtt/${file}`));
      return wanted.length === 0 ? loaded : { ...loaded, source: wanted.reduce(changed, String(loaded.source)) };
    },
  });
}

function changed(source: string, { file, text, instead }: SourceChange): string {
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`${file}: expected "${text}" once, got it ${parts.length - 1} times`);
  return parts.join(instead);
}
