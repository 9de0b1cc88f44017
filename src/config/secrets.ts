import type { ConfigurationPath } from './configuration-mistake.ts';

/** True where a value must not be shown: the keys of secrets, and all of a token but its name and role. */
export function isSecret(path: ConfigurationPath): boolean {
  const last = path.at(-1);
  if (last === 'token' || last === 'metricsToken' || last === 'ticketSecret' || last === 'secret') return true;
  if (path[0] === 'bridge' && last === 'password') return true;
  if (path.includes('cookieSecrets') && typeof last === 'number') return true;
  return path[0] === 'admin' && path[1] === 'tokens' && path.length > 2 && last !== 'name' && last !== 'role';
}
