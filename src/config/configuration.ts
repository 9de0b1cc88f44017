import type { HostPort } from '../base/addresses.ts';
import type { CidrBlock } from '../base/cidr.ts';
import type { SteeringRule } from '../dns/steering-rule.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { UndeliverablePolicy } from '../mqtt/session-terms.ts';
import type { IdentityName } from '../plan/device-key.ts';
import type { Plan } from '../plan/plan.ts';
import type { CertificateFault, ClientCertificateMode, TlsVersion } from '../tls/listener-tls.ts';
import type { AwsConfiguration } from './aws-configuration.ts';
import type { BridgeConfiguration } from './bridge-configuration.ts';
import type { Limits } from './limits.ts';
import type { ServiceConfiguration } from './service-configuration.ts';

/** The resolved configuration: defaults filled in, secrets substituted, file paths absolute. Frozen. */
export interface Configuration {
  readonly version: 1;
  readonly fleet: FleetConfiguration;
  readonly listeners: readonly ListenerConfiguration[];
  readonly brokers: Readonly<Record<string, BrokerConfiguration>>;
  /** Revision 1 of a new store. */
  readonly plan: Plan;
  readonly store: StoreConfiguration;
  readonly nameserver?: NameserverConfiguration;
  readonly sites: readonly SiteConfiguration[];
  readonly admin: AdminConfiguration;
  readonly handover: HandoverConfiguration;
  readonly limits: Limits;
  readonly bridge: BridgeConfiguration;
  readonly services: readonly ServiceConfiguration[];
  /** What the AWS account has to have, for `crossfade aws`; the gateway itself does not look at it. */
  readonly aws?: AwsConfiguration;
  /** A number of worker processes, at least 1 (`auto` is resolved to one per core). */
  readonly workers: number;
  readonly log: { readonly level: LogLevel };
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type ClientIdPolicy = 'any' | 'equals-common-name' | 'prefixed-by-common-name';

export interface FleetConfiguration {
  readonly domain: string;
  readonly identity: readonly IdentityName[];
  readonly salt: string;
  readonly clientIdPolicy: ClientIdPolicy;
}

export interface ListenerConfiguration {
  readonly name: string;
  readonly bind: HostPort;
  /** Absent: plain MQTT over TCP. */
  readonly tls?: ListenerTlsConfiguration;
  /** Peers that must send PROXY v2; it is refused from everybody else. Empty: nobody sends it. */
  readonly proxyProtocol: { readonly from: readonly CidrBlock[] };
  /** A first packet beyond 64 KiB is refused anyway; this bounds every later one. */
  readonly maxPacketBytes: number;
}

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface ListenerTlsConfiguration {
  /** Chosen by SNI; the first serves clients without SNI or with an unknown one. At least one. */
  readonly certificates: readonly CertificateFiles[];
  readonly clientCertificates: ClientCertificateMode;
  readonly trustedCas: readonly string[];
  readonly tolerate: readonly CertificateFault[];
  readonly crls: readonly string[];
  /** What happens when a CRL is missing for an issuer, unreadable or past its next update. */
  readonly crlStale: 'allow' | 'refuse';
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[];
  /** The secret that session ticket keys are derived from; absent: made at start by the supervisor. */
  readonly ticketSecret?: string;
}

export type BrokerProfileName = 'mqtt' | 'aws-iot-core';
export type IdentityMode = 'forward' | 'gateway-certificate' | 'device-certificate' | 'custom-authorizer';

export interface BrokerEndpoint extends HostPort {
  readonly tls: boolean;
}

export interface BrokerConfiguration {
  readonly name: string;
  /** One or more, from `url` or `urls` (mqtt:// or mqtts://). */
  readonly endpoints: readonly BrokerEndpoint[];
  readonly profile: BrokerProfileName;
  /** Protocol versions that it speaks; the profile's unless the file says otherwise. */
  readonly versions: readonly ProtocolVersion[];
  readonly undeliverable: UndeliverablePolicy;
  /** NDJSON, appended to by every worker; there with `acknowledge`. */
  readonly undeliverableRecord?: string;
  readonly tls: {
    /** File with the CAs that the broker's certificate must chain to; absent: the system's. */
    readonly ca?: string;
    /** The name in SNI and to verify; absent: the endpoint's host. */
    readonly servername?: string;
    /** Offered; absent: what the profile wants on the endpoint's port. */
    readonly alpn?: readonly string[];
  };
  readonly identity: {
    readonly mode: IdentityMode;
    /** The gateway's own client certificate (forward: optional; gateway-certificate: required). */
    readonly cert?: string;
    readonly key?: string;
    /** device-certificate: the CA that mints. */
    readonly ca?: CertificateFiles;
    /** There with device-certificate. */
    readonly certificates?: MintedCertificatesConfiguration;
    /** There with device-certificate. */
    readonly firstContact?: FirstContactConfiguration;
    readonly register?: 'jitr' | 'on-sight';
    /** There with custom-authorizer. */
    readonly authorizer?: AuthorizerConfiguration;
    readonly vouchUnverified: boolean;
  };
  readonly sendProxyProtocol: boolean;
  /** Never exceeded by all workers together; absent: no bound. */
  readonly connectsPerSecond?: number;
  /** Topic filters that handovers and repairs subscribe to, all workers together; absent: what the profile says. */
  readonly filtersPerSecond?: number;
  readonly onDown: 'hold' | 'source' | 'close';
}

export interface MintedCertificatesConfiguration {
  /** Days that a certificate is presented. */
  readonly epochDays: number;
  readonly alternativeNames: readonly ('clientId' | 'fingerprint')[];
  /** Absent: the CA's key stands in for it. */
  readonly secret?: string;
}

export interface FirstContactConfiguration {
  /** Of all workers together, while most first contacts are closed. */
  readonly registrationsPerSecond: number;
  /** Within the patience of a device. */
  readonly retries: number;
  /** Together they make a refusal of what was a registration that takes its time. */
  readonly refusedAfterCloses: number;
  readonly refusedAfterMs: number;
}

export interface AuthorizerConfiguration {
  readonly name: string;
  readonly tokenKeyName: string;
  /** File with the private key that signs the tokens. */
  readonly key: string;
  readonly tokenSeconds: number;
  readonly password: 'forward' | 'omit';
}

export interface StoreConfiguration {
  readonly kind: 'sqlite';
  readonly path: string;
  readonly create: boolean;
}

export interface HandoverConfiguration {
  /** Milliseconds that both brokers deliver after the switch: longer than the deployment's mirror takes, or messages are lost. */
  readonly overlapMs: number;
  /** Milliseconds that the switches of a cutover wait for rules of the bridge that are behind. */
  readonly bridgeWaitMs: number;
  /** Milliseconds until a new subscription surely delivers; absent: what the target's profile says. */
  readonly settleMs?: number;
  /** Milliseconds that the former leg of a moved session stands by. */
  readonly rollbackWindowMs: number;
  /** Of a move's attempts; above it the move stops itself. */
  readonly abortPercent: number;
  /** Milliseconds of one session's attempt, up to its switch. */
  readonly attemptMs: number;
}

export type AdminRole = 'viewer' | 'operator' | 'admin';

export interface AdminConfiguration {
  readonly bind: HostPort;
  readonly tls?: CertificateFiles;
  readonly tokens: readonly { readonly name: string; readonly role: AdminRole; readonly token: string }[];
  readonly metricsToken?: string;
}

export interface NameserverConfiguration {
  readonly bind: readonly HostPort[];
  readonly zones: readonly ZoneConfiguration[];
  /** Empty: the system's. */
  readonly resolvers: readonly HostPort[];
  readonly unlimited: readonly CidrBlock[];
  /** 32 hex digits each; empty: one made at start by the supervisor. */
  readonly cookieSecrets: readonly string[];
  /** Absent: the host name; empty: NSID is not answered. */
  readonly nsid?: string;
}

export interface ZoneConfiguration {
  readonly origin: string;
  readonly file: string;
  readonly steering: readonly SteeringRule[];
  /** Absent: the zone is not signed. */
  readonly dnssec?: { readonly keys: readonly string[] };
}

export interface SiteConfiguration {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly weight: number;
  readonly near: readonly CidrBlock[];
  readonly probe?: ProbeConfiguration;
}

export interface ProbeConfiguration {
  readonly tcp?: number;
  readonly tls?: number;
  readonly mqtt?: number;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly holdDownMs: number;
}
