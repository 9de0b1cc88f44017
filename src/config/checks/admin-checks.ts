import { isIPv4 } from 'node:net';
import { parseHostPort } from '../../base/addresses.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

/** Tokens must not cross a network in the clear: plain HTTP only on loopback. */
export function checkAdmin(root: Cursor): readonly Finding[] {
  const admin = root.at('admin');
  if (admin.has('tls')) return [];
  const beside = 'a loopback address (127.0.0.1 or [::1]), or a tls block for HTTPS';
  return [
    ...checkLoopback(admin.at('bind'), `${beside} beside it`),
    ...checkLoopback(root.at('bridge', 'admin'), `${beside} in admin.tls`),
  ];
}

function checkLoopback(bind: Cursor, expected: string): readonly Finding[] {
  const address = parseHostPort(bind.text ?? '');
  return !address.ok || isLoopback(address.value.host) ? [] : [bind.unexpected(expected)];
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
