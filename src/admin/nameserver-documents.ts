/** An entry of `sites` in `GET /v1/status`. */
export interface SiteStatus {
  readonly name: string;
  /** What it is answered by: forced, or what the probes say; `unknown`: no probe has said anything yet. */
  readonly health: 'up' | 'down' | 'unknown';
  readonly addresses: readonly string[];
  /** Of a site that is not down: addresses that are left out. */
  readonly downAddresses: readonly string[];
  /** An operator lets nobody new go there. */
  readonly drained: boolean;
  /** An operator's word in the place of the probes'. */
  readonly forced: 'up' | 'down' | null;
  /** What the last failed probe said, or that probes are good again and the site is down all the same. */
  readonly detail: string;
  /** Who drained or forced it; null: nobody. */
  readonly said: { readonly author: string; readonly at: string; readonly reason: string } | null;
}

/** The answer to `POST /v1/sites/NAME/drain`, `/undrain` and `/force`. */
export interface SiteDocument extends SiteStatus {
  /** Parts of splits that no site is left for now, one sentence each. */
  readonly warnings: readonly string[];
}

/** An entry of `zones` in `GET /v1/status`. */
export interface ZoneStatus {
  readonly origin: string;
  readonly serial: number;
  readonly signed: boolean;
  /** Of its files as they were read last, where they cannot be served: it is served as before. */
  readonly mistakes: readonly string[];
}

/** An entry of `aliases` in `GET /v1/status`. */
export interface AliasStatus {
  readonly alias: string;
  /** The last good ones. */
  readonly addresses: readonly string[];
  /** When it was last resolved; null: not since the start. */
  readonly resolvedAt: string | null;
  /** Why the last try failed; null: it did not. */
  readonly problem: string | null;
}

/** The body of `POST /v1/sites/NAME/drain`, `/undrain`; `force` has `health` too, null: what the probes say. */
export interface SiteBody {
  readonly reason?: string;
}

export interface ForceBody extends SiteBody {
  readonly health: 'up' | 'down' | null;
}

/** The body of `POST /v1/splits/NAME`: shares of the parts, which add up to 100 %. */
export interface SplitBody {
  /** By part, "1%", "500bps", or basis points. */
  readonly weights: Readonly<Record<string, string | number>>;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** What a change of a split's weights does to those who asked lately. */
export interface SplitForecast {
  readonly split: string;
  /** Basis points, now and then. */
  readonly weights: Readonly<Record<string, number>>;
  readonly newWeights: Readonly<Record<string, number>>;
  /** Networks (/24, /56) that asked, and how many of them would get another part. */
  readonly networks: { readonly seen: number; readonly changing: number };
  /** Resolvers' own networks, where they sent no client subnet. */
  readonly resolvers: { readonly seen: number; readonly changing: number };
}

/** The answer to `POST /v1/splits/NAME`; with `dryRun` the revision that stands. */
export interface SplitDocument {
  readonly revision: number;
  readonly dryRun: boolean;
  readonly forecast: SplitForecast;
}

/** The answer to `POST /v1/zones/reload`, in the configuration's order. */
export interface ZonesDocument {
  readonly zones: readonly ZoneDocument[];
}

/** What became of one zone. */
export interface ZoneDocument {
  readonly origin: string;
  /** `refused`: it has mistakes, and the one before it is served on. */
  readonly outcome: 'reloaded' | 'unchanged' | 'refused';
  /** Of the zone that is served; null: there is none. */
  readonly serial: number | null;
  /** `FILE:LINE: expected …, got …`. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/** `GET /v1/dns/answer`: what a name is answered with, and why, step by step. */
export interface DnsTraceDocument {
  readonly name: string;
  readonly type: string;
  readonly rcode: string;
  /** Records of the answer section, in presentation form. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  /** Bits of the asking network that the answer depends on. */
  readonly scope: number;
  readonly steps: readonly { readonly step: string; readonly text: string }[];
  readonly revision: number;
  /** With `weights`: what they would do to the name's split. */
  readonly forecast: SplitForecast | null;
}

/** The parameters of `GET /v1/dns/answer`. */
export interface DnsTraceQuery {
  /** A name, absolute; a dot at its end may be missing. */
  readonly name: string;
  /** A type's mnemonic; A when absent. */
  readonly type?: string;
  /** Who asks: an address or a network; 127.0.0.1 when absent. */
  readonly subnet?: string;
  /** A device, in the place of `name`: its own name is asked for. */
  readonly device?: string;
  /** `gateway=5%,bypass=95%`. */
  readonly weights?: string;
}
