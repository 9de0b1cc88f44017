import { createSecureContext } from 'node:tls';
import { errorMessage } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import type { TlsMaterial } from '../config/tls-material.ts';
import { loadBrokerAuthority, loadBrokerTokenKey, loadUpstreamIdentity } from '../gateway/upstream-material.ts';
import { createListenerTls } from '../tls/create-listener-tls.ts';

/**
 * What is wrong with the files of a reload, before a process takes them over: a certificate without its key would stop
 * every process that starts from then on. Empty: nothing.
 */
export function materialProblems(configuration: Configuration, materials: TlsMaterial): readonly string[] {
  const problems: string[] = [];
  const attempt = (name: string, build: () => unknown) => {
    try {
      build();
    } catch (error) {
      problems.push(`${name}: ${errorMessage(error)}`);
    }
  };
  for (const { name, tls } of configuration.listeners) {
    const material = materials.listeners[name];
    if (tls === undefined || material === undefined) continue;
    const policy = { ...tls, name, ticketSecret: 'unused', ticketRotationMs: configuration.limits.ticketRotationMs };
    attempt(`listener ${name}`, () => createListenerTls(policy, material, Date.now()));
  }
  for (const [name, material] of Object.entries(materials.brokers)) {
    attempt(`broker ${name}`, () => loadUpstreamIdentity(name, material));
    const { mintingCa, tokenKey } = material;
    if (mintingCa !== undefined) attempt(`broker ${name}`, () => loadBrokerAuthority(name, material));
    if (tokenKey !== undefined) attempt(`broker ${name}`, () => loadBrokerTokenKey(name, material));
  }
  const { admin } = materials;
  if (admin !== undefined) attempt('admin', () => createSecureContext(admin));
  return problems;
}
