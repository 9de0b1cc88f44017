import type { AssessmentDocument, CohortAssessment, HoldingExample } from '../admin/assessment-document.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** A table of cohorts, then for each what is adapted, what holds devices back, and examples. Empty parts are left out. */
export function renderAssessment({ cohorts, dropped }: AssessmentDocument, style: Style): string {
  if (cohorts.length === 0) return 'the plan has no cohorts\n';
  const parts = [
    renderTable(cohortColumns, cohorts, style),
    ...cohorts.flatMap((cohort) => [
      renderKinds(cohort, style),
      renderReasons(cohort, style),
      renderExamples(cohort, style),
    ]),
    renderGaps(cohorts, dropped, style),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

const cohortColumns: readonly Column<CohortAssessment>[] = [
  { title: 'COHORT', value: ({ cohort }) => cohort },
  { title: 'TARGET', value: ({ target }) => target },
  { title: 'DEVICES', value: ({ devices }) => String(devices), align: 'right' },
  { title: 'AS THEY ARE', value: ({ asIs }) => String(asIs), align: 'right' },
  { title: 'ADAPTED', value: ({ adapted }) => String(adapted.devices), align: 'right' },
  {
    title: 'CANNOT MOVE',
    value: ({ cannot }) => String(cannot.devices),
    align: 'right',
    paint: ({ cannot }, style) => (cannot.devices > 0 ? style.bad : style.good),
  },
  { title: 'OBSERVED SINCE', value: ({ observedSince }) => observedSince ?? 'not yet' },
];

function renderKinds({ cohort, adapted }: CohortAssessment, style: Style): string {
  if (adapted.kinds.length === 0) return '';
  return renderTable(
    [
      { title: 'COHORT', value: () => cohort },
      { title: 'ADAPTED', value: ({ kind }) => kind },
      { title: 'DEVICES', value: ({ devices }) => String(devices), align: 'right' },
    ],
    adapted.kinds,
    style,
  );
}

function renderReasons({ cohort, cannot }: CohortAssessment, style: Style): string {
  if (cannot.reasons.length === 0) return '';
  return renderTable(
    [
      { title: 'COHORT', value: () => cohort },
      { title: 'CANNOT MOVE', value: ({ reason }) => reason },
      { title: 'DEVICES', value: ({ devices }) => String(devices), align: 'right' },
    ],
    cannot.reasons,
    style,
  );
}

function renderExamples({ cannot }: CohortAssessment, style: Style): string {
  const examples = cannot.reasons.flatMap((reason) => reason.examples);
  return examples.length === 0 ? '' : renderTable(exampleColumns, examples, style);
}

const exampleColumns: readonly Column<HoldingExample>[] = [
  { title: 'DEVICE', value: ({ clientId }) => clientId },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'LAST SEEN', value: ({ lastSeen }) => lastSeen },
  { title: 'EXAMPLE', value: ({ example }) => example },
];

/** What the figures do not have in them. */
function renderGaps(cohorts: readonly CohortAssessment[], dropped: number, style: Style): string {
  const gaps = cohorts
    .filter(({ notListed }) => notListed > 0)
    .map(
      ({ cohort, notListed }) => `${printable(cohort)}: devices beyond limits.assessedDevices came ${notListed} times`,
    );
  if (dropped > 0) gaps.push(`${dropped} findings were lost while the control process was away or its disk was full`);
  return gaps.map((gap) => `${style.warning(`not in these figures: ${gap}`)}\n`).join('');
}
