import type { DelaySummary } from '../handover/delay-histogram.ts';
import type { Check } from '../handover/verdict.ts';
import type { MadeFailure, SoakFindings } from './soak-run.ts';
import { sides } from './traffic-plan.ts';
import { failureAt, steadySizes } from './verdict.ts';

/** What a run showed, for people. */
export function renderSoak(findings: SoakFindings, checks: readonly Check[]): string {
  const { failures, bridge, bridgeStarts, beganMs, endedMs, sizes } = findings;
  const seconds = (endedMs - beganMs) / 1_000;
  return [
    'FAILURES',
    ...failures.map((failure) => renderFailure(findings, failure)),
    '',
    'TRAFFIC',
    ...sides.map((side) => {
      const { figures, report } = findings.sides[side];
      return (
        `  ${side.padEnd(8)} ${figures.published} published (${Math.round(figures.published / seconds)}/s), ` +
        `${figures.stalls} turns without room, ${report.count} heard, ${report.duplicatesMs.length} of them again`
      );
    }),
    '',
    'LAG from publisher to hearer',
    ...sides.flatMap((side) =>
      Object.entries(findings.sides[side].report.delays)
        .filter(([, { count }]) => count > 0)
        .map(([phase, summary]) => `  to ${side.padEnd(8)} ${phase.padEnd(8)} ${renderDelay(summary)}`),
    ),
    '',
    `BRIDGE  ${bridgeStarts} starts; the last: ${JSON.stringify(bridge.messages)}, ${bridge.lanes} lanes; ` +
      `${steadySizes(sizes)?.text}`,
    '',
    ...checks.map(({ name, ok, detail }) => `${ok ? 'ok    ' : 'FAILED'}  ${name}: ${detail}`),
    '',
  ].join('\n');
}

function renderFailure({ failures, sides: bySide, beganMs }: SoakFindings, failure: MadeFailure): string {
  const duplicates = sides.map(
    (side) => bySide[side].report.duplicatesMs.filter((atMs) => failureAt(failures, atMs) === failure).length,
  );
  const at = `${((failure.beganMs - beganMs) / 1_000).toFixed(1)} s`.padStart(8);
  const lasted = `${Math.round(failure.mendedMs - failure.beganMs)} ms`.padStart(8);
  const recovery = `${Math.round(failure.recoveredMs - failure.mendedMs)} ms`.padStart(8);
  return (
    `  ${at}  ${failure.kind.padEnd(15)} for ${lasted}, caught up after ${recovery}, ` +
    `duplicates: ${duplicates[0]} at legacy, ${duplicates[1]} at the target`
  );
}

function renderDelay({ count, p50Ms, p99Ms, p999Ms, largestMs }: DelaySummary): string {
  return `p50 ${p50Ms} ms, p99 ${p99Ms} ms, p99.9 ${p999Ms} ms, at most ${largestMs} ms (${count})`;
}
