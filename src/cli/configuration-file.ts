import type { Result } from '../base/result.ts';
import type { ConfigurationMistake } from '../config/configuration-mistake.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import type { LoadedConfiguration } from '../config/load-configuration.ts';
import { type CommandFailure, usageFailure } from './command-failure.ts';

/** The configuration of a file; all its mistakes at once end the command with 64. */
export async function loadConfigurationFile(path: string): Promise<LoadedConfiguration> {
  const loaded = await readConfigurationFile(path);
  if (!loaded.ok) throw await mistakesFailure(loaded.error);
  return loaded.value;
}

/** The configuration of a file, or every mistake in it. */
export async function readConfigurationFile(
  path: string,
): Promise<Result<LoadedConfiguration, readonly ConfigurationMistake[]>> {
  // Loaded here, so that commands without a configuration do not pay for its schema at every start.
  const { loadConfiguration } = await import('../config/load-configuration.ts');
  return loadConfiguration(path, createSystemSource());
}

export async function mistakesFailure(mistakes: readonly ConfigurationMistake[]): Promise<CommandFailure> {
  const { renderMistakes } = await import('../config/configuration-mistake.ts');
  return usageFailure(`the configuration is not right\n${renderMistakes(mistakes).trimEnd()}`);
}

/** A mistake for scripts; `expected` and `got` are null where the message is no such pair. */
export interface MistakeDocument extends ConfigurationMistake {
  readonly expected: string | null;
  readonly got: string | null;
}

export function toMistakeDocument({ file, line, column, path, message }: ConfigurationMistake): MistakeDocument {
  // The first `, got`: what was expected is the project's text, what came may hold anything.
  const [, expected = null, got = null] = /^expected (.*?), got (.*)$/s.exec(message) ?? [];
  return { file, line, column, path, expected, got, message };
}
