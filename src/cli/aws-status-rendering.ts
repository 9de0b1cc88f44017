import type { AccountStep } from '../aws/account/account-plan.ts';
import type { FleetNeeds, FleetSize, QuotaNeed } from '../aws/account/fleet-needs.ts';
import { resourceTitle } from '../aws/account/resource.ts';
import { type AccountPlace, renderPlace } from './aws-plan-rendering.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

export interface AccountStatus extends AccountPlace {
  /** Common name that a verification certificate must have; there with a CA in DEFAULT mode. */
  readonly registrationCode?: string;
  readonly steps: readonly AccountStep[];
  readonly size: FleetSize;
  readonly needs: FleetNeeds;
}

export function renderAccountStatus(status: AccountStatus, style: Style): string {
  const { steps, size, needs, dataEndpoint, registrationCode } = status;
  const resources = renderTable(
    [
      { title: 'KIND', value: ({ resource }: AccountStep) => resource.kind },
      { title: 'NAME', value: ({ resource }) => resourceTitle(resource) },
      {
        title: 'STATE',
        value: stateOf,
        paint: (step) => (stateOf(step) === 'as described' ? style.good : style.warning),
      },
      { title: 'REMARKS', value: remarksOn },
    ],
    steps,
    style,
  );
  const quotas = renderTable(
    [
      { title: 'QUOTA', value: ({ quota }: QuotaNeed) => quotaWords[quota] },
      { title: 'ALLOWED', align: 'right', value: ({ allowed }) => number(allowed) },
      {
        title: 'NEEDED',
        align: 'right',
        value: ({ needed, seconds }) => (seconds === undefined ? number(needed) : ''),
      },
      { title: 'MEANS', value: meaningOf, paint: ({ isEnough }) => (isEnough ? style.good : style.bad) },
      { title: 'SOURCE', value: ({ source }) => (source === 'default' ? 'default, unverified' : 'aws.quotas') },
    ],
    needs.quotas,
    style,
  );
  return [
    `${renderPlace(status)}\n`,
    dataEndpoint === undefined ? '' : `devices reach it at ${printable(dataEndpoint)}\n`,
    registrationCode === undefined ? '' : `registration code ${printable(registrationCode)}\n`,
    `\n${resources}\n`,
    `A fleet of ${number(size.devices)} devices, ${size.subscriptionsPerDevice} subscriptions each:\n\n`,
    quotas,
    `\n${number(needs.connectionMinutesPerMonth)} connection-minutes a month\n`,
  ].join('');
}

export function toStatusDocument(status: AccountStatus) {
  const { account, place, dataEndpoint, registrationCode, steps, size, needs } = status;
  return {
    account: account ?? null,
    endpoint: place,
    dataEndpoint: dataEndpoint ?? null,
    ...(registrationCode !== undefined && { registrationCode }),
    resources: steps.map((step) => ({
      kind: step.resource.kind,
      name: step.resource.name,
      state: stateOf(step),
      arn: step.actual?.arn ?? null,
      properties: step.actual?.properties ?? null,
      remarks: step.actual?.remarks ?? [],
    })),
    size,
    quotas: needs.quotas,
    connectionMinutesPerMonth: needs.connectionMinutesPerMonth,
  };
}

function stateOf({ action }: AccountStep): string {
  return {
    create: 'missing',
    update: 'differs',
    nothing: 'as described',
    conflict: 'conflict',
    unsupported: 'not supported',
  }[action];
}

function remarksOn({ action, reason, actual }: AccountStep): string {
  const remarks = actual?.remarks ?? [];
  return [...(action === 'nothing' || action === 'create' ? [] : [reason]), ...remarks].join('; ');
}

const quotaWords: Readonly<Record<QuotaNeed['quota'], string>> = {
  connections: 'connections',
  connectsPerSecond: 'connects a second',
  registrationsPerSecond: 'certificates registered a second',
  subscriptions: 'subscriptions',
  subscriptionsPerSecond: 'subscriptions made a second',
  inboundPublishesPerSecond: 'publishes in, a second',
  outboundPublishesPerSecond: 'publishes out, a second',
};

function meaningOf({ seconds, isEnough, needed, allowed }: QuotaNeed): string {
  if (seconds !== undefined) return `${renderDuration(seconds)} for all of them once`;
  return isEnough ? 'enough' : `raise it: ${(needed / allowed).toFixed(1)} times as many`;
}

/** The two largest units, rounded to the smaller. */
export function renderDuration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds <= 120) return `${Math.ceil(seconds)} s`;
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  const rounded = Math.round(minutes / 60);
  return `${Math.floor(rounded / 24)} d ${rounded % 24} h`;
}

function number(value: number): string {
  return Math.ceil(value).toLocaleString('en-US').replaceAll(',', ' ');
}
