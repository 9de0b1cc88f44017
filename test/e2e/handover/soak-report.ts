import type { DelaysByPhase } from './delay-histogram.ts';
import { type Check, describeDelay, type Findings } from './verdict.ts';

/** What a run showed, for people. */
export function renderFindings(findings: Findings, checks: readonly Check[], mirrorDelays: DelaysByPhase): string {
  const { fleet, backend, moves } = findings;
  const commandDuplicates = sum(fleet.devices.map(({ commands }) => commands.duplicates));
  const telemetryDuplicates = sum(backend.devices.map(({ telemetry }) => telemetry.duplicates));
  const switches = sum(moves.map(({ moved }) => moved));
  return [
    'MOVES',
    ...moves.map(
      ({ name, state, moved, eligible, refused, switchedMs, reasons }) =>
        `  ${name.padEnd(20)} ${state}, ${moved} of ${eligible} moved, ${refused} refused, ${Math.round(switchedMs)} ms` +
        (reasons[0] === undefined ? '' : ` (${reasons[0]})`),
    ),
    '',
    `COMMANDS   ${sum(backend.devices.map(({ commandsSent }) => commandsSent))} sent, ${commandDuplicates} came twice, ` +
      `${(commandDuplicates / Math.max(1, switches)).toFixed(2)} a switch`,
    `TELEMETRY  ${sum(fleet.devices.map(({ published }) => published))} sent, ${telemetryDuplicates} came twice, ` +
      `${sum(fleet.devices.map(({ stalls }) => stalls))} seconds without room`,
    `CLOSES     ${sum(fleet.devices.map(({ closes }) => closes))}, ${backend.wills.length} wills`,
    '',
    ...renderDelays('COMMAND DELIVERY', fleet.commandDelays),
    ...renderDelays('ACKNOWLEDGEMENT OF TELEMETRY', fleet.acknowledgementDelays),
    ...renderDelays('PINGRESP', fleet.pingDelays),
    ...renderDelays('MIRROR', mirrorDelays),
    '',
    ...checks.map(({ name, ok, detail }) => `${ok ? 'ok    ' : 'FAILED'}  ${name}: ${detail}`),
    '',
  ].join('\n');
}

function renderDelays(title: string, delays: DelaysByPhase): readonly string[] {
  return [
    title,
    ...Object.entries(delays)
      .filter(([, { count }]) => count > 0)
      .map(([phase, summary]) => `  ${phase.padEnd(10)} ${describeDelay(summary)} (${summary.count})`),
  ];
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
