import { hash } from 'node:crypto';

/** What is known about one endpoint of a broker; an immutable value, replaced on every report. */
export interface EndpointState {
  /** `host:port`; what the rendezvous hash sees. */
  readonly name: string;
  /** On the monotonic clock; in the past: the endpoint stands where the hash puts it. */
  readonly heldDownUntilMs: number;
  /** Broken off before CONNACK, in a row, since the last CONNACK. */
  readonly brokenOff: number;
  /** It failed and has not answered since. */
  readonly isDoubtful: boolean;
}

/**
 * `unreachable`: TCP or TLS failed. `brokenOff`: it took the connection and closed or stayed silent before CONNACK.
 * `tried`: a dial of a doubtful endpoint begins. `answered`: it sent a CONNACK.
 */
export type EndpointReport =
  | { readonly kind: 'unreachable' | 'brokenOff'; readonly holdDownMs: number }
  | { readonly kind: 'tried'; readonly dialMs: number }
  | { readonly kind: 'answered' };

export function createEndpointState(name: string): EndpointState {
  return { name, heldDownUntilMs: Number.NEGATIVE_INFINITY, brokenOff: 0, isDoubtful: false };
}

/**
 * Positions in `endpoints`, best first: rendezvous order (highest first 48 bits of SHA-256(name|key)), the same in
 * every worker and gateway, held-down endpoints after all others. Removing one endpoint moves only its own keys.
 */
export function rankEndpoints(key: string, endpoints: readonly EndpointState[], nowMs: number): readonly number[] {
  if (endpoints.length === 1) return onlyOne;
  return endpoints
    .map((endpoint, position) => ({
      position,
      isHeldDown: isHeldDown(endpoint, nowMs),
      score: hash('sha256', `${endpoint.name}|${key}`, 'buffer').readUIntBE(0, 6),
    }))
    .sort((a, b) => Number(a.isHeldDown) - Number(b.isHeldDown) || b.score - a.score || a.position - b.position)
    .map(({ position }) => position);
}

export function isHeldDown(endpoint: EndpointState, nowMs: number): boolean {
  return nowMs < endpoint.heldDownUntilMs;
}

/**
 * An endpoint that cannot be reached is held down at once and for a fixed time, with no growing back-off; one that
 * breaks connections off only from the third in a row, because a single device's bad CONNECT makes a broker do that.
 * When the time is over, one dial tries it and the others wait for that dial's end (at most `dialMs`) elsewhere.
 */
export function applyEndpointReport(endpoint: EndpointState, report: EndpointReport, nowMs: number): EndpointState {
  switch (report.kind) {
    case 'answered':
      return endpoint.isDoubtful || endpoint.brokenOff > 0 ? createEndpointState(endpoint.name) : endpoint;
    case 'tried':
      return endpoint.isDoubtful && !isHeldDown(endpoint, nowMs)
        ? { ...endpoint, heldDownUntilMs: nowMs + report.dialMs }
        : endpoint;
    case 'unreachable':
      return { ...endpoint, heldDownUntilMs: nowMs + report.holdDownMs, isDoubtful: true };
    case 'brokenOff': {
      const brokenOff = endpoint.brokenOff + 1;
      if (brokenOff < brokenOffTolerated) return { ...endpoint, brokenOff };
      return { ...endpoint, brokenOff, heldDownUntilMs: nowMs + report.holdDownMs, isDoubtful: true };
    }
    default:
      return report satisfies never;
  }
}

const brokenOffTolerated = 3;
const onlyOne: readonly number[] = [0];
