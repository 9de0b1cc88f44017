import { isIPv4 } from 'node:net';
import { parseHostPort } from '../../base/addresses.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

/** Tokens must not cross a network in the clear: plain HTTP only on loopback. */
export function checkAdmin(root: Cursor): readonly Finding[] {
  const admin = root.at('admin');
  const bind = admin.at('bind');
  const address = parseHostPort(bind.text ?? '');
  if (!address.ok || admin.has('tls') || isLoopback(address.value.host)) return [];
  return [bind.unexpected('a loopback address (127.0.0.1 or [::1]), or a tls block for HTTPS beside it')];
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
