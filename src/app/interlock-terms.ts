import type { Configuration } from '../config/configuration.ts';

/** Whether anything is configured that knows of other ends; without it nothing is observed and nothing asked. */
export function isInterlocked({ bridge, services }: Pick<Configuration, 'bridge' | 'services'>): boolean {
  return bridge.rules.length > 0 || services.length > 0;
}
