import type { Check } from '../handover/verdict.ts';
import type { FailureKind } from './failure-plan.ts';
import type { Disorder } from './hearing.ts';
import type { MadeFailure, SizeSample, SoakFindings } from './soak-run.ts';
import { type Side, sides } from './traffic-plan.ts';

/** Behind a failure's recovery: what its brokers' own resends may still bring. */
const aftermathMs = 5_000;
const steadyAfterMs = 60_000;

/** What must hold, whatever failed. */
export function judgeSoak(findings: SoakFindings): readonly Check[] {
  return [
    ...sides.flatMap((side) => judgeSide(findings, side)),
    check('no dead letters', findings.deadLetterBytes === 0, `${findings.deadLetterBytes} bytes`),
    check('the spools are empty in the end', findings.bridge.spooled === 0, `${findings.bridge.spooled} messages`),
    check('no rule was stopped', findings.bridge.stopped === 0, `${findings.bridge.stopped}`),
    check('every failure was recovered from', findings.failures.every(isRecovered), recoveryText(findings.failures)),
    ...judgeSizes(findings),
    check('SIGTERM ends the bridge in order', findings.exitCode === 0, `exit code ${findings.exitCode}`),
  ];
}

function judgeSide(findings: SoakFindings, side: Side): readonly Check[] {
  const { figures, report, missing } = findings.sides[side];
  const lost = missing.reduce((sum, { numbers }) => sum + numbers.length, 0);
  const disorders = unexplained(findings, side);
  const strayed = strayedDuplicates(findings, side);
  return [
    check(
      `${side}: every message was acknowledged to its publisher`,
      figures.pending === 0 && figures.refused === 0,
      `${figures.pending} waiting, ${figures.refused} refused of ${figures.published}`,
    ),
    check(
      `${side}: heard every acknowledged message`,
      lost === 0,
      lost === 0 ? `${report.count}` : `${lost} lost: ${missing.slice(0, 5).map(describeMissing).join('; ')}`,
    ),
    check(
      `${side}: first deliveries in the order of their key`,
      disorders.length === 0,
      `${disorders.length} late${report.disorderCount > disorders.length ? `, ${report.disorderCount - disorders.length} more as AWS resent them` : ''}` +
        disorders.slice(0, 3).map(describeDisorder).join(''),
    ),
    check(
      `${side}: duplicates only around failures`,
      strayed.length === 0,
      `${report.duplicatesMs.length} duplicates, ${strayed.length} of them at other times`,
    ),
    check(`${side}: nothing came back`, report.cameBack === 0, `${report.cameBack}`),
  ];
}

/** These may cost the bridge a connection to the target. */
const losesTarget: readonly FailureKind[] = [
  'kill-bridge',
  'freeze-bridge',
  'freeze-target',
  'cut-target',
  'strand-legacy',
  'strand-target',
];

/**
 * AWS sends what it had kept for a session between what comes meanwhile, and again under other identifiers: around a failure
 * that cost the bridge a connection there, no bridge could tell the order.
 */
function unexplained(findings: SoakFindings, side: Side): readonly Disorder[] {
  const { disorders } = findings.sides[side].report;
  const isFromAws = findings.world === 'aws' && side === 'legacy';
  const losses = findings.failures.filter(({ kind }) => losesTarget.includes(kind));
  return isFromAws ? disorders.filter(({ atMs }) => failureAt(losses, atMs) === undefined) : disorders;
}

export function strayedDuplicates({ failures, sides: bySide }: SoakFindings, side: Side): readonly number[] {
  return bySide[side].report.duplicatesMs.filter((atMs) => failureAt(failures, atMs) === undefined);
}

/** The last failure that the moment belongs to. */
export function failureAt(failures: readonly MadeFailure[], atMs: number): MadeFailure | undefined {
  return failures.findLast(({ beganMs, recoveredMs }) => beganMs <= atMs && atMs <= recoveredMs + aftermathMs);
}

/** Growth of the bridge's last process, from when it has become steady. */
function judgeSizes({ sizes }: SoakFindings): readonly Check[] {
  const steady = steadySizes(sizes);
  if (steady === undefined) return [];
  const { first, last, text } = steady;
  return [
    check('the memory of the bridge does not grow', last.rssMiB <= first.rssMiB * 1.5 + 30, text),
    check('its descriptors do not grow', last.descriptors <= first.descriptors + 8, text),
  ];
}

export interface SteadySizes {
  readonly first: SizeSample;
  readonly last: SizeSample;
  readonly text: string;
}

/** Of the last process: after its first minute, or after a third of a shorter life, when nothing fails; and in the end. */
export function steadySizes(sizes: readonly SizeSample[]): SteadySizes | undefined {
  const last = sizes.at(-1);
  const ofLast = sizes.filter(({ start }) => start === last?.start);
  const beganMs = ofLast[0]?.atMs ?? 0;
  const afterMs = Math.min(steadyAfterMs, ((last?.atMs ?? 0) - beganMs) / 3);
  const first = ofLast.find(({ atMs, isCalm }) => isCalm && atMs - beganMs >= afterMs);
  if (first === undefined || last === undefined) return undefined;
  const sizeText = ({ rssMiB, descriptors, atMs }: SizeSample) =>
    `${rssMiB} MiB and ${descriptors} descriptors at ${Math.round((atMs - beganMs) / 1_000)} s`;
  return { first, last, text: `of its last process, ${sizeText(first)}, ${sizeText(last)}` };
}

function isRecovered({ mendedMs, recoveredMs }: MadeFailure): boolean {
  return recoveredMs - mendedMs < 60_000;
}

function recoveryText(failures: readonly MadeFailure[]): string {
  const slowest = Math.max(0, ...failures.map(({ mendedMs, recoveredMs }) => recoveredMs - mendedMs));
  return `${failures.length} failures, the slowest recovery took ${Math.round(slowest)} ms`;
}

function describeMissing({ key, numbers }: { readonly key: number; readonly numbers: readonly number[] }): string {
  return `key ${key}: ${numbers.slice(0, 5).join(', ')}${numbers.length > 5 ? ` and ${numbers.length - 5} more` : ''}`;
}

function describeDisorder({ key, number, behind }: Disorder): string {
  return `; key ${key}: ${number} behind ${behind}`;
}

function check(name: string, ok: boolean, detail: string): Check {
  return { name, ok, detail };
}
