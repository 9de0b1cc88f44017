import { type AccountStep, hasWork, type StepAction } from '../aws/account/account-plan.ts';
import { resourceTitle } from '../aws/account/resource.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

export interface AccountPlace {
  readonly account?: string;
  readonly dataEndpoint?: string;
  /** Region or endpoint. */
  readonly place: string;
}

const actions: readonly StepAction[] = ['create', 'update', 'nothing', 'conflict', 'unsupported'];

/** A table of the steps, below it what differs in each, and the sum. */
export function renderAccountPlan(steps: readonly AccountStep[], place: AccountPlace, style: Style): string {
  const table = renderTable(
    [
      { title: 'ACTION', value: ({ action }) => action, paint: ({ action }) => paintOf(action, style) },
      { title: 'KIND', value: ({ resource }) => resource.kind },
      { title: 'NAME', value: ({ resource }) => resourceTitle(resource) },
      { title: 'REASON', value: ({ reason }) => reason },
    ],
    steps,
    style,
  );
  const details = steps.map(renderDetails).join('');
  const notTold = renderNotTold(steps);
  return `${renderPlace(place)}\n\n${table}${details}${notTold}\n${renderSum(steps)}\n`;
}

export function renderPlace({ account = 'not told by this endpoint', place }: AccountPlace): string {
  return `account ${account}, ${place}`;
}

export function toPlanDocument(steps: readonly AccountStep[], { account, dataEndpoint, place }: AccountPlace) {
  return {
    account: account ?? null,
    endpoint: place,
    dataEndpoint: dataEndpoint ?? null,
    differs: hasWork(steps),
    summary: countActions(steps),
    steps: steps.map(toStepDocument),
  };
}

export function toStepDocument({ resource, action, reason, changes, notTold }: AccountStep) {
  const { kind, name, title, dependsOn, properties } = resource;
  return {
    kind,
    name,
    ...(title !== undefined && { title }),
    action,
    reason,
    ...(action === 'create' && { properties }),
    changes: changes.map(({ path, before, after }) => ({ path, before: before ?? null, after: after ?? null })),
    notTold,
    dependsOn,
  };
}

function renderDetails({ resource, action, changes }: AccountStep): string {
  const head = `\n${resource.kind} ${printable(resourceTitle(resource))}\n`;
  if (action === 'create') {
    const lines = Object.entries(resource.properties).filter(([, value]) => value !== null && value !== undefined);
    return head + lines.map(([name, value]) => `  + ${name}: ${renderValue(value)}\n`).join('');
  }
  if (changes.length === 0) return '';
  return (
    head +
    changes.map(({ path, before, after }) => `  ~ ${path}: ${renderValue(before)} → ${renderValue(after)}\n`).join('')
  );
}

function renderNotTold(steps: readonly AccountStep[]): string {
  const lines = steps
    .filter(({ notTold }) => notTold.length > 0)
    .map(({ resource, notTold }) => `  ${resource.kind} ${resourceTitle(resource)}: ${notTold.join(', ')}`);
  if (lines.length === 0) return '';
  return `\nNot told by this endpoint, so not compared:\n${lines.map(printable).join('\n')}\n`;
}

function renderSum(steps: readonly AccountStep[]): string {
  const counts = countActions(steps);
  const parts = [
    `${counts.create} to create`,
    `${counts.update} to update`,
    `${counts.nothing} as described`,
    ...(counts.conflict === 0 ? [] : [`${counts.conflict} in conflict`]),
    ...(counts.unsupported === 0 ? [] : [`${counts.unsupported} not supported by this endpoint`]),
  ];
  const isSame = counts.create + counts.update + counts.conflict === 0;
  return isSame ? `no difference: ${parts.slice(2).join(', ')}` : parts.join(', ');
}

function countActions(steps: readonly AccountStep[]): Readonly<Record<StepAction, number>> {
  const count = (wanted: StepAction) => steps.filter(({ action }) => action === wanted).length;
  return Object.fromEntries(actions.map((action) => [action, count(action)])) as Record<StepAction, number>;
}

function renderValue(value: unknown): string {
  return value === undefined ? 'nothing' : printable(JSON.stringify(value));
}

function paintOf(action: StepAction, style: Style): (text: string) => string {
  switch (action) {
    case 'create':
      return style.good;
    case 'update':
    case 'unsupported':
      return style.warning;
    case 'conflict':
      return style.bad;
    case 'nothing':
      return style.dim;
    default:
      return action satisfies never;
  }
}
