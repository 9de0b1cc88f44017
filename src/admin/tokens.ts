import { createHash, timingSafeEqual } from 'node:crypto';

/** A viewer reads; an operator moves and rolls back; an admin also replaces the plan. */
export type AdminRole = 'viewer' | 'operator' | 'admin';

export interface AdminToken {
  /** The author of the revisions made with it. */
  readonly name: string;
  readonly role: AdminRole;
  readonly token: string;
}

/** Who presented a token; the token itself goes no further than the check. */
export type TokenHolder = Omit<AdminToken, 'token'>;

const rankByRole: Readonly<Record<AdminRole, number>> = { viewer: 0, operator: 1, admin: 2 };

export function hasRole(holder: TokenHolder, needed: AdminRole): boolean {
  return rankByRole[holder.role] >= rankByRole[needed];
}

/**
 * A lookup whose duration says nothing about any token: what is presented is hashed, and its digest compared with the
 * digest of every token in constant time, also after a match. Throws TypeError for an empty token.
 */
export function createTokenCheck(tokens: readonly AdminToken[]): (presented: string) => TokenHolder | undefined {
  const known = tokens.map(({ name, role, token }) => {
    if (token === '') throw new TypeError(`Expected a token for ${JSON.stringify(name)}, got an empty text`);
    return { holder: { name, role }, digest: digestOf(token) };
  });
  return (presented) => {
    const digest = digestOf(presented);
    let found: TokenHolder | undefined;
    for (const candidate of known) {
      if (timingSafeEqual(candidate.digest, digest)) found ??= candidate.holder;
    }
    return found;
  };
}

/** The token of an `Authorization: Bearer TOKEN` header (RFC 6750 section 2.1), or undefined. */
export function bearerTokenOf(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
