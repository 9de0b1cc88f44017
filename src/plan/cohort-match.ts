import { failure, type Result, success } from '../base/result.ts';
import type { DeviceIdentity } from './device-key.ts';
import type { CohortMatch } from './plan.ts';

/**
 * Whether a device is in a cohort. `fleetPosition` yields position(fleet salt) of the device's key; it is asked only by
 * a cohort that matches by hash.
 */
export type CohortPredicate = (device: DeviceIdentity, fleetPosition: () => number) => boolean;

/** The text of a file that a plan names (`clientIdsFile`), or why there is none. `app/` fills this port. */
export type ReadInclude = (path: string) => Result<string>;

/** Prepares a match for questions. All fields that are given must hold; a match without fields takes nobody. */
export function createCohortPredicate(match: CohortMatch, readInclude: ReadInclude): Result<CohortPredicate> {
  const predicates = [
    ...plainPredicates(match),
    ...(match.certificate === undefined ? [] : [certificatePredicate(match.certificate)]),
  ];
  if (match.clientIdsFile !== undefined) {
    const included = readInclude(match.clientIdsFile);
    if (!included.ok) return failure(`clientIdsFile ${match.clientIdsFile}: ${included.error}`);
    predicates.push(clientIdPredicate(clientIdLines(included.value)));
  }
  if (predicates.length === 0) return success(() => false);
  return success((device, fleetPosition) => predicates.every((holds) => holds(device, fleetPosition)));
}

function plainPredicates({ all, clientIds, clientIdPrefix, hash }: CohortMatch): CohortPredicate[] {
  const predicates: CohortPredicate[] = [];
  if (all === true) predicates.push(() => true);
  if (clientIds !== undefined) predicates.push(clientIdPredicate(clientIds));
  if (clientIdPrefix !== undefined) predicates.push((device) => isPrefixed(device.clientId, clientIdPrefix));
  if (hash !== undefined) {
    predicates.push((_device, fleetPosition) => hash.from <= fleetPosition() && fleetPosition() < hash.to);
  }
  return predicates;
}

function clientIdPredicate(clientIds: Iterable<string>): CohortPredicate {
  const known = new Set(clientIds);
  return ({ clientId }) => clientId !== undefined && clientId !== '' && known.has(clientId);
}

function certificatePredicate({
  organizationalUnit,
  issuerCommonName,
  commonNamePrefix,
}: NonNullable<CohortMatch['certificate']>): CohortPredicate {
  return ({ certificate }) =>
    certificate !== undefined &&
    (organizationalUnit === undefined || (certificate.organizationalUnits ?? []).includes(organizationalUnit)) &&
    (issuerCommonName === undefined || certificate.issuerCommonName === issuerCommonName) &&
    (commonNamePrefix === undefined || isPrefixed(certificate.commonName, commonNamePrefix));
}

/** An absent and an empty value are both none, so no prefix matches them. */
function isPrefixed(value: string | undefined, prefix: string): boolean {
  return value !== undefined && value !== '' && value.startsWith(prefix);
}

/** One client ID a line, taken as it stands (spaces belong to it); empty lines and a byte order mark are skipped. */
function clientIdLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line !== '');
}
