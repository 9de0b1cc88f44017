import { renderMistakes } from '../config/configuration-mistake.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { type LoadedConfiguration, loadConfiguration } from '../config/load-configuration.ts';
import { usageFailure } from './command-failure.ts';

/** The configuration of a file; all its mistakes at once end the command with 64. */
export function loadConfigurationFile(path: string): LoadedConfiguration {
  const loaded = loadConfiguration(path, createSystemSource());
  if (!loaded.ok) throw usageFailure(`the configuration is not right\n${renderMistakes(loaded.error).trimEnd()}`);
  return loaded.value;
}
