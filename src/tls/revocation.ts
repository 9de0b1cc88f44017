import { createHash } from 'node:crypto';
import type { ExpiringMaterial, ListenerTlsMaterial } from './listener-tls.ts';
import { parseRevocationList, type RevocationList } from './revocation-list.ts';
import type { Authority, TrustedAuthorities } from './trusted-authorities.ts';

export type RevocationStatus = 'good' | 'revoked' | 'stale';

interface LoadedList {
  readonly file: string;
  readonly list?: RevocationList;
  readonly digest?: string;
  /** Why the file does not count as it is now. */
  readonly problem?: string;
  /** Signed by nobody we know yet: an intermediate that is not listed may turn up in a handshake. */
  isVerified: boolean;
}

/**
 * A listener's revocation lists. A list counts once its signature verified under a trusted CA (or an intermediate that
 * verified under one). A file that cannot be read after a reload leaves its last good list in force until that is stale.
 */
export class RevocationLists {
  readonly #loaded: readonly LoadedList[];
  #byIssuer: ReadonlyMap<string, readonly RevocationList[]> = new Map();

  private constructor(loaded: readonly LoadedList[]) {
    this.#loaded = loaded;
    this.#index();
  }

  static load(
    crls: ListenerTlsMaterial['crls'],
    trusted: TrustedAuthorities,
    previous?: RevocationLists,
  ): RevocationLists {
    const lists = new RevocationLists(crls.map(({ file, content }) => loadList(file, content, previous)));
    for (const authority of trusted.all) lists.learn(authority);
    return lists;
  }

  get isConfigured(): boolean {
    return this.#loaded.length > 0;
  }

  /** Changes when a list in force changes; part of the ticket keys. */
  get digest(): string {
    const hash = createHash('sha256');
    for (const { digest = '' } of this.#loaded) hash.update(`${digest}\n`);
    return hash.digest('hex');
  }

  /** Verifies the lists that name this CA as their issuer. */
  learn(authority: Authority): void {
    let hasLearnt = false;
    for (const entry of this.#loaded) {
      if (entry.isVerified || entry.list?.issuer !== authority.subject) continue;
      entry.isVerified = entry.list.isSignedBy(authority.certificate.publicKey);
      hasLearnt ||= entry.isVerified;
    }
    if (hasLearnt) this.#index();
  }

  /** `stale`: no list of this issuer, or the newest is past its next update. Revoked in an old list is revoked. */
  status(issuer: string, serialNumber: string, wallMs: number): RevocationStatus {
    if (!this.isConfigured) return 'good';
    const lists = this.#byIssuer.get(issuer) ?? [];
    if (lists.some((list) => list.revoked.has(serialNumber))) return 'revoked';
    return lists.some((list) => wallMs < (list.nextUpdate ?? Number.POSITIVE_INFINITY)) ? 'good' : 'stale';
  }

  expiring(listener: string): ExpiringMaterial[] {
    return this.#loaded.flatMap(({ file, list }) =>
      list?.nextUpdate === undefined ? [] : [{ use: `${listener}/crl/${file}`, expiresAt: list.nextUpdate }],
    );
  }

  warnings(wallMs: number): string[] {
    return this.#loaded.flatMap((entry) => {
      const texts = entry.problem === undefined ? [] : [`CRL ${entry.file} ${entry.problem}`];
      if (entry.list !== undefined) texts.push(...listWarnings(entry.file, entry.list, entry.isVerified, wallMs));
      return texts;
    });
  }

  previousList(file: string): { readonly list: RevocationList; readonly digest: string } | undefined {
    const entry = this.#loaded.find((candidate) => candidate.file === file);
    return entry?.list === undefined || entry.digest === undefined
      ? undefined
      : { list: entry.list, digest: entry.digest };
  }

  #index(): void {
    const verified = this.#loaded.flatMap(({ list, isVerified }) => (list !== undefined && isVerified ? [list] : []));
    this.#byIssuer = Map.groupBy(verified, (list) => list.issuer);
  }
}

function loadList(file: string, content: Uint8Array | undefined, previous: RevocationLists | undefined): LoadedList {
  const parsed = content === undefined ? undefined : parseRevocationList(content);
  if (content !== undefined && parsed?.ok) {
    return { file, list: parsed.value, digest: createHash('sha256').update(content).digest('hex'), isVerified: false };
  }
  const problem = parsed?.ok === false ? `is not usable: ${parsed.error}` : 'cannot be read';
  const kept = previous?.previousList(file);
  if (kept === undefined) return { file, problem, isVerified: false };
  return { file, ...kept, problem: `${problem}; its last good list stays in force`, isVerified: false };
}

function listWarnings(file: string, list: RevocationList, isVerified: boolean, wallMs: number): string[] {
  if (!isVerified) return [`CRL ${file} is not signed by a trusted CA that it names as its issuer and does not count`];
  if (list.nextUpdate === undefined) return [];
  const when = new Date(list.nextUpdate).toISOString();
  if (wallMs >= list.nextUpdate) return [`CRL ${file} is stale: its next update was due at ${when}`];
  const soonMs = Math.min((list.nextUpdate - list.thisUpdate) / 4, soonStaleMs);
  return list.nextUpdate - wallMs < soonMs ? [`CRL ${file} is stale soon: its next update is due at ${when}`] : [];
}

const soonStaleMs = 7 * 86_400_000;
