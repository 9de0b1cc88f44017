import type { ServiceDocument } from '../admin/ledger-documents.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

const columns: readonly Column<ServiceDocument>[] = [
  { title: 'SERVICE', value: ({ name }) => name },
  { title: 'RULE', value: ({ rule }) => rule },
  { title: 'LEGACY', value: (service) => `${legacyOf(service).length} of ${service.instances.length}` },
  { title: 'MEMBERS', align: 'right', value: ({ members }) => String(members) },
  { title: 'SHARE', align: 'right', value: ({ measured }) => (measured === null ? '-' : percent(measured.share)) },
  { title: 'EXPECTED', align: 'right', value: ({ expectedShare }) => percent(expectedShare) },
  {
    title: 'STEP',
    value: ({ step, trouble }) => (trouble === null ? step : `${step} (stuck)`),
    paint:
      ({ trouble, step }, style) =>
      (text) =>
        trouble !== null ? style.bad(text) : step === 'done' ? style.good(text) : text,
  },
  { title: 'NEXT', value: ({ next }) => next },
];

/** One line a service, then what is missing where something is. Ends with a newline. */
export function renderServices(services: readonly ServiceDocument[], style: Style): string {
  const troubles = services.flatMap(({ name, trouble }) => (trouble === null ? [] : [`${name}: ${trouble}`]));
  return [renderTable(columns, services, style), ...troubles.map((line) => `${printable(line)}\n`)].join('');
}

/** What came of a step. Ends with a newline. */
export function renderMovedService(service: ServiceDocument): string {
  const { name, from, members, measured, trouble, next, underWay, step } = service;
  const legacy = legacyOf(service);
  const left = legacy.length === 0 ? 'none left' : `${legacy.length} left (${legacy.join(', ')})`;
  const lines = [
    `${name}: ${left} at ${from}, ${members} ${members === 1 ? 'member' : 'members'} of the bridge; ${step}`,
    ...(measured === null
      ? []
      : [
          `share of the bridge as measured: ${percent(measured.share)}, expected then: ${percent(measured.expectedShare)}`,
        ]),
    ...(trouble === null ? [] : [`missing: ${trouble}`]),
    `next: ${underWay ? '"crossfade services list" shows how it goes' : next}`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

/** The verdict of a verification. Ends with a newline. */
export function renderVerification({ name, verification }: ServiceDocument): string {
  if (verification === null) return `${printable(`${name}: never verified`)}\n`;
  return `${printable(`${name}: ${verification.state}: ${verification.text}`)}\n`;
}

function legacyOf({ instances }: ServiceDocument): readonly string[] {
  return instances.filter(({ at }) => at === 'legacy').map(({ name }) => name);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
