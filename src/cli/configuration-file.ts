import { createSystemSource } from '../config/configuration-source.ts';
import type { LoadedConfiguration } from '../config/load-configuration.ts';
import { usageFailure } from './command-failure.ts';

/** The configuration of a file; all its mistakes at once end the command with 64. */
export async function loadConfigurationFile(path: string): Promise<LoadedConfiguration> {
  // Loaded here, so that commands without a configuration do not pay for its schema at every start.
  const [{ loadConfiguration }, { renderMistakes }] = await Promise.all([
    import('../config/load-configuration.ts'),
    import('../config/configuration-mistake.ts'),
  ]);
  const loaded = loadConfiguration(path, createSystemSource());
  if (!loaded.ok) throw usageFailure(`the configuration is not right\n${renderMistakes(loaded.error).trimEnd()}`);
  return loaded.value;
}
