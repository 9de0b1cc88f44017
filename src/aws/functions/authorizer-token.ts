import { failure, type Result, success } from '../../base/result.ts';
import { memberOf, textOf } from './event-fields.ts';

/** What the gateway vouches for (docs/decisions/0011-upstream-identity.md). */
export interface AuthorizerToken {
  readonly kind: string;
  readonly key: string;
  /** Absent: the device named none, AWS gives one. */
  readonly clientId?: string;
  /** Milliseconds since the Unix epoch; the token counts until then. */
  readonly expiresMs: number;
}

const kinds: ReadonlySet<string> = new Set(['cn', 'fingerprint', 'serial', 'clientid', 'username']);

/** base64url of JSON `{ v, kind, key, clientId, exp }`, `exp` in seconds. What was signed is not verified here: AWS did. */
export function decodeAuthorizerToken(token: string): Result<AuthorizerToken> {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return failure('malformed-token');
  }
  if (memberOf(content, 'v') !== 1) return failure('other-token-version');
  const { kind, key } = { kind: textOf(content, 'kind'), key: textOf(content, 'key') };
  const exp = memberOf(content, 'exp');
  const clientId = memberOf(content, 'clientId');
  const isWhole = kind !== undefined && kinds.has(kind) && key !== undefined && key !== '';
  const hasClientId = clientId === undefined || (typeof clientId === 'string' && clientId !== '');
  if (!isWhole || !Number.isSafeInteger(exp) || !hasClientId) return failure('malformed-token');
  return success({
    kind,
    key,
    expiresMs: Number(exp) * 1_000,
    ...(typeof clientId === 'string' ? { clientId } : {}),
  });
}
