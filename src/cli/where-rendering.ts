import type { WhereDocument } from '../admin/admin-api.ts';
import { renderWeight } from '../plan/weight.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import type { Column } from './table.ts';
import { renderWeightInWords } from './weight-option.ts';

/** `where --json`: the API's document, and which plan answered. */
export interface WhereAnswer extends WhereDocument {
  readonly planFrom: 'store' | 'file';
}

/** One device for human eyes: a row per fact. */
export function renderWhere(answer: WhereAnswer, style: Style): string {
  const origin = answer.planFrom === 'file' ? "the file's plan, there is no store yet" : "the store's plan";
  const rows: readonly (readonly [string, string])[] = [
    ['device', answer.device],
    ['key', answer.kind === null ? 'none' : `${answer.kind}:${answer.key}`],
    ['cohort', answer.cohort ?? 'none'],
    ['position', renderPosition(answer.position)],
    ['weight', answer.weightBps === null ? '-' : renderWeightInWords(answer.weightBps)],
    ['broker', answer.broker],
    ['why', explainReason(answer)],
    ...renderHome(answer),
    ['revision', `${answer.revision} (${origin})`],
  ];
  return rows
    .map(([name, value]) => {
      const text = printable(value);
      return `${style.heading(name.padEnd(8))}  ${name === 'broker' ? style.good(text) : text}\n`;
    })
    .join('');
}

/** Nothing where nobody was asked. */
function renderHome({ home, connected }: WhereAnswer): readonly (readonly [string, string])[] {
  if (home === undefined) return [];
  if (home === null)
    return connected === false ? [['home', 'none: it is not connected, and no session is recorded']] : [];
  const presence = connected === true ? 'connected' : connected === false ? 'its device is away' : 'recorded';
  return [['home', `${home} (${presence})`]];
}

export const whereColumns: readonly Column<WhereAnswer>[] = [
  { title: 'DEVICE', value: ({ device }) => device, minWidth: 24 },
  { title: 'KIND', value: ({ kind }) => kind ?? '-', minWidth: 11 },
  { title: 'COHORT', value: ({ cohort }) => cohort ?? '-', minWidth: 16 },
  { title: 'POSITION', value: ({ position }) => renderPosition(position), align: 'right', minWidth: 9 },
  {
    title: 'WEIGHT',
    value: ({ weightBps }) => (weightBps === null ? '-' : renderWeight(weightBps)),
    align: 'right',
    minWidth: 7,
  },
  { title: 'BROKER', value: ({ broker }) => broker, minWidth: 12 },
  { title: 'REASON', value: ({ reason }) => reason, minWidth: 13 },
  { title: 'REVISION', value: ({ revision }) => String(revision), align: 'right' },
];

export function explainReason(answer: WhereDocument): string {
  const weight = answer.weightBps === null ? '-' : renderWeightInWords(answer.weightBps);
  switch (answer.reason) {
    case 'override':
      return 'an override names this device';
    case 'cohort-target':
      return `position ${renderPosition(answer.position)} in ${answer.cohort} is below the weight ${weight}: target`;
    case 'cohort-source':
      return `position ${renderPosition(answer.position)} in ${answer.cohort} is not below the weight ${weight}: source`;
    case 'no-cohort':
      return "no cohort matches: the plan's default";
    case 'no-key':
      return "it presents none of the fleet's identities: the plan's default";
  }
}

function renderPosition(position: number | null): string {
  return position === null ? '-' : position.toFixed(4);
}
