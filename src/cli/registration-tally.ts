import type { RegistrationRefusal } from '../aws/registrar.ts';

/** A row that was not registered. */
export interface UnregisteredRow {
  readonly line: number;
  readonly device: string | undefined;
  readonly reason: string;
  /** What AWS said; absent: the row itself is wrong. */
  readonly message?: string;
}

/** What a registration came to; `crossfade aws register --json`. */
export interface RegistrationDocument {
  readonly registered: number;
  /** The account knew them. */
  readonly already: number;
  /** A former run did them. */
  readonly skipped: number;
  readonly refused: number;
  /** Rows that name no device, or no certificate. */
  readonly rejectedRows: number;
  /** Why it ended before the last row; null: it did not. */
  readonly stopped: string | null;
  readonly seconds: number;
  /** The first ones, by line. */
  readonly rows: readonly {
    readonly line: number;
    readonly device: string | null;
    readonly reason: string;
    readonly message: string | null;
    readonly advice: string;
  }[];
}

/** Adds up one run; `listed`: rows that are kept to be shown. */
export class RegistrationTally {
  readonly #listed: number;
  readonly #rows: UnregisteredRow[] = [];
  readonly #startedMs: number;
  #counts = { registered: 0, already: 0, skipped: 0, refused: 0, rejectedRows: 0 };

  constructor(listed: number, nowMs: number) {
    this.#listed = listed;
    this.#startedMs = nowMs;
  }

  get isWhole(): boolean {
    return this.#counts.refused === 0 && this.#counts.rejectedRows === 0;
  }

  get rows(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  done(outcome: 'registered' | 'already'): void {
    this.#counts[outcome] += 1;
  }

  skip(): void {
    this.#counts.skipped += 1;
  }

  reject(row: UnregisteredRow): void {
    this.#counts.rejectedRows += 1;
    this.#list(row);
  }

  refuse(row: UnregisteredRow): void {
    this.#counts.refused += 1;
    this.#list(row);
  }

  /** For the progress bar: what was done, how fast, and how long the rest takes at that speed. */
  text(total: number, nowMs: number): string {
    const { registered, already, skipped, refused, rejectedRows } = this.#counts;
    const seconds = (nowMs - this.#startedMs) / 1_000;
    const worked = registered + already + refused;
    const parts = [`${registered} registered`];
    if (already > 0) parts.push(`${already} already`);
    if (skipped > 0) parts.push(`${skipped} done before`);
    if (refused + rejectedRows > 0) parts.push(`${refused + rejectedRows} not`);
    if (seconds < 1 || worked === 0) return parts.join(', ');
    const perSecond = worked / seconds;
    const left = Math.max(0, total - this.rows);
    return [...parts, `${perSecond.toFixed(1)}/s`, `${renderDuration(left / perSecond)} left`].join(', ');
  }

  document(stopped: string | undefined, nowMs: number): RegistrationDocument {
    return {
      ...this.#counts,
      stopped: stopped ?? null,
      seconds: Math.round((nowMs - this.#startedMs) / 1_000),
      rows: this.#rows
        .toSorted((one, other) => one.line - other.line)
        .map(({ line, device, reason, message }) => ({
          line,
          device: device ?? null,
          reason,
          message: message ?? null,
          advice: message === undefined ? 'mend the row' : adviceByReason[reason as RegistrationRefusal],
        })),
    };
  }

  #list(row: UnregisteredRow): void {
    if (this.#rows.length < this.#listed) this.#rows.push(row);
  }
}

/** `45 s`, `12 min`, `3.4 h`, `7.7 days`. */
export function renderDuration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5_400) return `${Math.ceil(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}

/** What an operator can do about a device that AWS does not take. */
export const adviceByReason: Readonly<Record<RegistrationRefusal, string>> = {
  certificate:
    'AWS takes RSA of 2048 bits or more and P-256, P-384, P-521, signed with SHA-256 or better, by a CA that is registered and active (crossfade aws status) unless --without-ca is given',
  deactivated: 'somebody took its rights: activate it in AWS IoT if that was a mistake, and run this again',
  conflict: 'the certificate, or the name of its CA, is taken: the message says by what',
  'missing-resource': 'the policy or the thing type is not there: crossfade aws apply makes them',
  unauthorized: 'the credentials may not do this: docs/aws-registration.md has the rights that they need',
  'limit-exceeded': 'a quota of the account is used up: raise it in Service Quotas, service AWS IoT Core',
  unexpected: 'run it again; if it stays so, the message is all that is known',
};
