import { sourceBroker, targetBroker } from './demo-files.ts';
import type { DemoReport } from './demo-report.ts';

/** What the demo is about to do, and what it cannot show. */
export function renderIntroduction(devices: number): string {
  return [
    `Crossfade demo: ${devices} devices, a legacy broker, an emulated AWS IoT Core and a gateway with 2 workers, all on 127.0.0.1.`,
    `"${sourceBroker}" is aedes, which speaks MQTT 3.1 and 3.1.1: the fleet has no MQTT 5 devices. "${targetBroker}" is the emulator, with AWS's limits and refusals;`,
    'it does not know a device until it comes, and then registers 15 a second (just-in-time registration).',
    '',
    '',
  ].join('\n');
}

export function renderReport(report: DemoReport): string {
  const { mix, steps, messages, devices } = report;
  const failed = report.checks.filter(({ ok }) => !ok);
  return [
    `Fleet: ${mix.mqtt31} × MQTT 3.1, ${mix.mqtt311} × 3.1.1; ${mix.serverName} with SNI, ${mix.alpn} with ALPN, ${mix.persistent} persistent.`,
    '',
    ...renderColumns([
      [
        'STEP',
        sourceBroker.toUpperCase(),
        targetBroker.toUpperCase(),
        `PLAN SAYS ${targetBroker.toUpperCase()}`,
        'MISPLACED',
        'MOVED',
        'RECONNECTS',
        'COMMANDS',
        'SECONDS',
      ],
      ...steps.map((step) => [
        step.name,
        `${step.onSource}`,
        `${step.onTarget}`,
        `${step.expectedOnTarget}`,
        `${step.misplaced}`,
        `${step.moved}`,
        `${step.reconnects}`,
        `${step.commandsReceived}/${devices}`,
        (step.durationMs / 1000).toFixed(1),
      ]),
    ]),
    'Moved: the broker changed underneath; the device kept its connection.',
    '',
    ...renderColumns([
      ['MESSAGES', 'SENT', 'ACKNOWLEDGED', 'ARRIVED', 'DUPLICATES', 'LOST'],
      ...([0, 1, 2] as const).map((qos) => [
        `QoS ${qos}`,
        `${messages.sent[qos]}`,
        qos === 0 ? '-' : `${messages.acknowledged[qos]}`,
        `${messages.arrived[qos]}`,
        `${messages.duplicates[qos]}`,
        `${messages.lost[qos]}`,
      ]),
    ]),
    'Lost: acknowledged to the device and at no broker; at QoS 0, sent and at no broker.',
    '',
    ...failed.map(({ name, detail }) => `FAILED  ${name}: ${detail}`),
    `${report.checks.length - failed.length} of ${report.checks.length} checks hold, in ${(report.durationMs / 1000).toFixed(1)} s.`,
    '',
  ].join('\n');
}

/** How to go on by hand while the demo stays up. */
export function renderInvitation(adminUrl: string, token: string): string {
  return [
    '',
    'The demo stays up. In another terminal:',
    '',
    `  export CROSSFADE_ADMIN=${adminUrl}`,
    `  export CROSSFADE_TOKEN=${token}`,
    '  npx crossfade status',
    '  npx crossfade where device-0007',
    '  npx crossfade cutover fleet --weight 25%',
    '  npx crossfade rollback --all',
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}

/** The first column to the left, the others to the right. */
function renderColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
