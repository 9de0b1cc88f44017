import type { RegistrationDocument } from './registration-tally.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

export function renderRegistration(document: RegistrationDocument, style: Style): string {
  const { rows, refused, rejectedRows } = document;
  const totals = renderTable<RegistrationDocument>(
    [
      { title: 'REGISTERED', align: 'right', value: ({ registered }) => `${registered}` },
      { title: 'ALREADY', align: 'right', value: ({ already }) => `${already}` },
      { title: 'DONE BEFORE', align: 'right', value: ({ skipped }) => `${skipped}` },
      { title: 'REFUSED', align: 'right', value: (each) => `${each.refused}` },
      { title: 'REJECTED ROWS', align: 'right', value: (each) => `${each.rejectedRows}` },
      { title: 'SECONDS', align: 'right', value: ({ seconds }) => `${seconds}` },
    ],
    [document],
    style,
  );
  if (rows.length === 0) return totals;
  const listed = renderTable<RegistrationDocument['rows'][number]>(
    [
      { title: 'LINE', align: 'right', value: ({ line }) => `${line}` },
      { title: 'DEVICE', value: ({ device }) => device ?? '-' },
      { title: 'REASON', value: ({ reason, message }) => (message === null ? reason : `${reason}: ${message}`) },
    ],
    rows,
    style,
  );
  const left = refused + rejectedRows - rows.length;
  const more = left > 0 ? `${left} more rows were not registered\n` : '';
  const advice = new Map(rows.filter(({ message }) => message !== null).map((row) => [row.reason, row.advice]));
  const help = [...advice].map(([reason, text]) => `${reason}: ${text}\n`).join('');
  return `${totals}\n${listed}${more}${help === '' ? '' : `\n${help}`}`;
}

/** What a dry run found. */
export interface RegistrationPreview {
  readonly dryRun: true;
  readonly place: string;
  readonly policy: string;
  readonly thingType: string | null;
  readonly devices: number;
  readonly skipped: number;
  readonly rejectedRows: number;
  /** Devices a second, and how long the devices take so. */
  readonly ratePerSecond: number;
  readonly estimateSeconds: number;
  /** The first devices. */
  readonly first: readonly {
    readonly line: number;
    readonly device: string;
    readonly certificateId: string;
    readonly thing: string;
  }[];
  readonly rows: RegistrationDocument['rows'];
}

export function renderPreview(preview: RegistrationPreview, estimate: string, style: Style): string {
  const { devices, skipped, rejectedRows, first, rows, place, policy, thingType, ratePerSecond } = preview;
  const type = thingType === null ? 'without a type' : `of type ${thingType}`;
  const lines = [
    `${devices} devices would be registered in ${place}, with policy ${policy} and things ${type}.`,
    `At ${ratePerSecond}/s that takes ${estimate}. ${skipped} are done already, ${rejectedRows} rows are rejected.`,
  ];
  const firstTable = renderTable<RegistrationPreview['first'][number]>(
    [
      { title: 'LINE', align: 'right', value: ({ line }) => `${line}` },
      { title: 'DEVICE', value: ({ device }) => device },
      { title: 'THING', value: ({ thing }) => thing },
      { title: 'CERTIFICATE ID', value: ({ certificateId }) => certificateId },
    ],
    first,
    style,
  );
  const rejected = renderTable<RegistrationDocument['rows'][number]>(
    [
      { title: 'LINE', align: 'right', value: ({ line }) => `${line}` },
      { title: 'DEVICE', value: ({ device }) => device ?? '-' },
      { title: 'REASON', value: ({ reason }) => reason },
    ],
    rows,
    style,
  );
  const parts = [`${lines.join('\n')}\n`];
  if (first.length > 0) parts.push(firstTable);
  if (rows.length > 0) parts.push(rejected);
  return parts.join('\n');
}
