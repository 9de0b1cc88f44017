import type { TLSSocket, TlsOptions } from 'node:tls';

export type ClientCertificateMode = 'required' | 'optional' | 'observe' | 'off';
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** Faults of a client certificate that a listener can be told to tolerate. */
export type CertificateFault = 'expired' | 'notYetValid' | 'missingClientAuth' | 'weakSignature' | 'weakKey';

/** Why a client certificate was refused (or, with `observe`, would have been); the label of the metric. */
export type CertificateRefusal =
  | CertificateFault
  | 'missing'
  | 'untrusted'
  | 'selfSigned'
  | 'revoked'
  | 'crlStale'
  | 'invalid';

/** A listener's rules, from the configuration. */
export interface ListenerTlsPolicy {
  readonly name: string;
  readonly clientCertificates: ClientCertificateMode;
  readonly tolerate: readonly CertificateFault[];
  readonly crlStale: 'allow' | 'refuse';
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[];
  /** Any string; ticket keys are derived from it, the listener's trust and the rotation period. */
  readonly ticketSecret: string;
  readonly ticketRotationMs: number;
}

/** A listener's files, as read by `config/`; PEM text, CRLs PEM or DER. Plain data: it crosses process boundaries. */
export interface ListenerTlsMaterial {
  readonly certificates: readonly { readonly cert: string; readonly key: string }[];
  readonly trustedCas: readonly string[];
  /** `content` absent: the file could not be read. */
  readonly crls: readonly { readonly file: string; readonly content?: Uint8Array }[];
}

/** What a client certificate says (the fields that a plan can look at; absent where absent or ambiguous). */
export interface PeerCertificate {
  readonly commonName?: string;
  readonly fingerprint: string;
  readonly serialNumber: string;
  readonly organizationalUnits: readonly string[];
  readonly issuerCommonName?: string;
}

/** The listener's word on one connection, given anew after every handshake, resumed ones included. */
export type PeerJudgement =
  | {
      readonly accepted: true;
      /** Present only when it verified or its faults are tolerated. */
      readonly certificate?: PeerCertificate;
      /** Faults that were tolerated, or (with `observe`) would have been refusals: counted, not acted on. */
      readonly observed: readonly CertificateRefusal[];
    }
  | { readonly accepted: false; readonly reasons: readonly CertificateRefusal[] };

/** A certificate or CRL with its end, for `crossfade_certificate_expiry_timestamp_seconds{use}`. */
export interface ExpiringMaterial {
  readonly use: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** One listener's TLS: built from policy and material, reloadable under live connections. */
export interface ListenerTls {
  /** For `tls.createServer`; afterwards pass the server to `adopt`. */
  readonly serverOptions: TlsOptions;
  /** Sets ticket keys on the server now and whenever trust or the rotation period changes. */
  adopt(
    server: { setTicketKeys(keys: Buffer): unknown; setSecureContext(options: TlsOptions): unknown },
    wallMs: number,
  ): void;
  /** Call at the time it returns (ms since the epoch): rotates ticket keys. */
  rotate(wallMs: number): number;
  judge(socket: TLSSocket, wallMs: number): PeerJudgement;
  /** Swaps certificates, trust and CRLs; throws CrossfadeError `tls-material` and keeps the old ones when they are wrong. */
  reload(material: ListenerTlsMaterial, wallMs: number): void;
  expiring(): readonly ExpiringMaterial[];
  /** Texts for the operator: CRLs missing, stale or soon stale, certificates that end within 30 days. */
  warnings(wallMs: number): readonly string[];
}
