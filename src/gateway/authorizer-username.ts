/** What a custom authorizer's token says: who vouches for whom, and until when. */
export interface AuthorizerToken {
  /** The device key. */
  readonly kind: string;
  readonly key: string;
  /** As the broker sees it; absent: the broker gives one. */
  readonly clientId?: string;
  /** Milliseconds since the Unix epoch; the authorizer refuses the token from then on. */
  readonly expiresMs: number;
}

/** Characters of a token that AWS IoT Core takes (`TestInvokeAuthorizer`). */
export const longestToken = 6_144;

/** base64url of JSON `{ v, kind, key, clientId, exp }`, `exp` in seconds: nothing in it needs an escape in a username. */
export function encodeAuthorizerToken({ kind, key, clientId, expiresMs }: AuthorizerToken): string {
  const content = { v: 1, kind, key, clientId, exp: Math.floor(expiresMs / 1_000) };
  return Buffer.from(JSON.stringify(content), 'utf8').toString('base64url');
}

/**
 * `realUser?x-amz-customauthorizer-name=NAME&x-amz-customauthorizer-signature=SIGNATURE&TOKENKEY=TOKEN` (AWS IoT Core
 * developer guide, custom authentication). AWS reads fields behind the first `?`, so one of the device's own would be its
 * word against ours.
 */
export function renderAuthorizerUsername(fields: {
  readonly username: string;
  readonly authorizer: string;
  readonly tokenKeyName: string;
  readonly token: string;
  readonly signature: Buffer;
}): string {
  const { username, authorizer, tokenKeyName, token, signature } = fields;
  return (
    `${escapeUsername(username)}?x-amz-customauthorizer-name=${encodeURIComponent(authorizer)}` +
    `&x-amz-customauthorizer-signature=${encodeURIComponent(signature.toString('base64'))}` +
    `&${tokenKeyName}=${token}`
  );
}

/** `?` becomes `%3F`, and `%` becomes `%25` so that no two usernames become one. */
export function escapeUsername(username: string): string {
  return username.replaceAll('%', '%25').replaceAll('?', '%3F');
}
