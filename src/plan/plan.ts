import type { DeviceKeyKind, IdentityName } from './device-key.ts';

/** Which devices a cohort takes; the fields that are given combine with AND, and at least one is given. */
export interface CohortMatch {
  readonly all?: true;
  readonly clientIds?: readonly string[];
  /** A file of client IDs, one a line; its content comes through the `readInclude` port when the snapshot is built. */
  readonly clientIdsFile?: string;
  readonly clientIdPrefix?: string;
  readonly certificate?: {
    readonly organizationalUnit?: string;
    readonly issuerCommonName?: string;
    readonly commonNamePrefix?: string;
  };
  /** Devices with from ≤ position(fleet salt) < to. */
  readonly hash?: { readonly from: number; readonly to: number };
}

/** What MQTT 5 devices are told at CONNACK: the source's capabilities, or the least of both brokers. */
export type Announce = 'source' | 'common';

export interface Cohort {
  readonly name: string;
  readonly match: CohortMatch;
  readonly source: string;
  readonly target: string;
  /** 0 to 10 000, hundredths of a per cent of this cohort. */
  readonly weightBps: number;
  readonly announce: Announce;
}

/** Sends one device to one broker, before every cohort, when its identity of that kind is `key`. */
export interface Override {
  readonly kind: DeviceKeyKind;
  readonly key: string;
  readonly broker: string;
}

/** A DNS split: basis points per part, sum 10 000. */
export interface SplitWeights {
  readonly name: string;
  readonly weights: Readonly<Record<string, number>>;
}

/** Who goes where; immutable once stored as a revision. Brokers are named, never described, here. */
export interface Plan {
  readonly default: string;
  readonly salt: string;
  readonly identity: readonly IdentityName[];
  readonly overrides: readonly Override[];
  /** In order; the first that matches decides. */
  readonly cohorts: readonly Cohort[];
  readonly splits: readonly SplitWeights[];
}
