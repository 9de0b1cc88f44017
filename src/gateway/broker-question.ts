import { randomBytes } from 'node:crypto';
import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import { type BrokerProfile, profileNamed } from '../mqtt/broker-profiles.ts';
import type { ConnectQuestion } from '../mqtt/connect-adaptation.ts';
import type { ConnectPacket } from '../mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { Cohort } from '../plan/plan.ts';
import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { AssessedClient } from '../session/assessments.ts';
import type { ClaimAnswer, Fallback } from '../session/session-registry.ts';
import type { GatewaySettings } from './gateway-ports.ts';

/** A granted claim; `leftAt`: the home of its session, which does not take it up now. */
export type Claim = Extract<ClaimAnswer, { readonly granted: true }> & { readonly leftAt?: string };

/** A broker as CONNECT is adapted for it. */
export interface BrokerTerms {
  readonly profile: BrokerProfile;
  readonly versions: readonly ProtocolVersion[];
}

/** What the configuration and its profile say of a broker. */
export function brokerTerms({ brokers }: GatewaySettings, broker: string): BrokerTerms {
  const traits = brokers?.[broker];
  const profile = profileNamed(traits?.profile);
  return { profile, versions: traits?.versions ?? profile.versions };
}

export function connectQuestion(
  connect: ConnectPacket,
  { profile, versions }: BrokerTerms,
  { remains, isStale }: Claim,
): ConnectQuestion {
  return {
    connect,
    profile,
    versions,
    generatedClientId: connect.clientId === '' ? `crossfade-${randomBytes(16).toString('hex')}` : '',
    sessionExpired: remains?.expired ?? false,
    ...(isStale === true && { further: 'fresh' as const }),
  };
}

/** The cohort whose weight decided; undefined for an override and for what no cohort takes. */
export function cohortOf({ plan }: RoutingSnapshot, { reason, cohort }: Assignment): Cohort | undefined {
  if (reason !== 'cohort-target' && reason !== 'cohort-source') return undefined;
  return plan.cohorts.find(({ name }) => name === cohort);
}

/**
 * Where the device goes instead when its cohort's target is known not to carry it. Given also while the plan wants it on
 * the source, so that a later cutover knows it before it closes anything.
 */
export function fallbackOf(cohort: Cohort | undefined): Fallback | undefined {
  if (cohort === undefined || cohort.source === cohort.target) return undefined;
  return { target: cohort.target, source: cohort.source };
}

/** What is assessed of a device; undefined: nothing, because it has no name or nowhere to go. */
export function assessedClient(clientId: string, cohort: Cohort | undefined): AssessedClient | undefined {
  if (clientId === '' || cohort === undefined || cohort.source === cohort.target) return undefined;
  return { clientId, cohort: cohort.name, target: cohort.target };
}

/** The cohort's other broker, when devices are told the least of both. */
export function commonProfile(
  settings: GatewaySettings,
  cohort: Cohort | undefined,
  broker: string,
): BrokerProfile | undefined {
  if (cohort?.announce !== 'common' || (broker !== cohort.source && broker !== cohort.target)) return undefined;
  return brokerTerms(settings, broker === cohort.source ? cohort.target : cohort.source).profile;
}

/** Why a device cannot be on a broker, at its CONNECT. */
export interface ConnectObstacle {
  readonly obstacle: Obstacle;
  readonly message: string;
}
