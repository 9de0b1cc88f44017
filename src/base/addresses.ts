import { isIP } from 'node:net';
import { failure, type Result, success } from './result.ts';

/** A host (name or IP literal, IPv6 without brackets) and a port, 0 to 65535. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[ipv6]:port`; the error says what was expected and what came. */
export function parseHostPort(text: string): Result<HostPort> {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (match === null || host === '' || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    return failure(`expected host:port (for example 0.0.0.0:8883 or [::]:8883), got ${JSON.stringify(text)}`);
  }
  return success({ host, port });
}

/** The inverse of parseHostPort: an IPv6 host is put in brackets. */
export function renderHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
