import { failure, type Result, success } from '../../base/result.ts';
import {
  maxHistory,
  type ServiceEntry,
  type ServiceFigures,
  type ServiceRecord,
  type ServiceStep,
} from './service-record.ts';
import { serviceState } from './service-state.ts';
import type { ServiceTerms } from './service-terms.ts';

/** What an operator asks for; each call is one step. */
export interface ServiceRequest {
  readonly way: 'forth' | 'back';
  /** The instance that was ended (forth), or started again (back). */
  readonly instance?: string;
  readonly author: string;
  /** Members that the rule has by now, whoever wanted them. */
  readonly members: number;
}

/** What became of the task of a step. */
export type ServiceOutcome =
  | { readonly kind: 'succeeded'; readonly text: string; readonly figures?: ServiceFigures }
  | { readonly kind: 'failed'; readonly text: string; readonly figures?: ServiceFigures };

/** What a step that works by itself has to do; it can be begun anew at any time. */
export type ServiceTask =
  /** So many members are wanted, and all of them have their subscription. */
  | { readonly kind: 'introduce'; readonly members: number }
  /** Probes come through every member; with `isWhole` each probe does. */
  | { readonly kind: 'probe'; readonly members: number; readonly isWhole: boolean }
  /** The bridge's share is measured; with `isShared` somebody beside the bridge must be seen. */
  | { readonly kind: 'measure'; readonly members: number; readonly others: number; readonly isShared: boolean }
  /** So many members are left. */
  | { readonly kind: 'retire'; readonly members: number };

export function serviceTask(terms: ServiceTerms, record: ServiceRecord): ServiceTask | undefined {
  const { step, members } = record;
  const others = serviceState(terms, record).legacy.length;
  switch (step.kind) {
    case 'introducing':
      return { kind: 'introduce', members: step.members };
    case 'verifying':
      return { kind: 'probe', members: step.members, isWhole: false };
    case 'measuring':
      return { kind: 'measure', members, others, isShared: false };
    case 'confirming':
      return { kind: 'probe', members, isWhole: true };
    case 'joining':
      return { kind: 'measure', members, others: others + 1, isShared: true };
    case 'retiring':
      return { kind: 'retire', members: step.members };
    default:
      return undefined;
  }
}

/** The record once an operator has asked; a refusal says what is expected instead, and changes nothing. */
export function requestService(
  terms: ServiceTerms,
  record: ServiceRecord,
  request: ServiceRequest,
  nowMs: number,
): Result<ServiceRecord> {
  const named = request.instance;
  if (named !== undefined && !terms.instances.includes(named)) {
    return failure(`expected one of the instances ${terms.instances.join(', ')}, got ${JSON.stringify(named)}`);
  }
  const known = { ...record, removed: serviceState(terms, record).removed };
  const next = request.way === 'forth' ? stepForth(terms, known, request) : stepBack(known, request);
  if (!next.ok) return next;
  const { trouble: _trouble, ...untroubled } = { ...known, ...next.value.change };
  const entry = { atMs: nowMs, author: request.author, step: next.value.change.step.kind, text: next.value.text };
  return success(withEntry({ ...untroubled, author: request.author }, entry));
}

/** The record once a step's task has ended. One that failed keeps its step, to be tried again. */
export function endServiceTask(
  terms: ServiceTerms,
  record: ServiceRecord,
  outcome: ServiceOutcome,
  nowMs: number,
): ServiceRecord {
  const { text, figures } = outcome;
  const entry = {
    ...{ atMs: nowMs, author: record.author, step: record.step.kind, text },
    ...(figures !== undefined && { figures }),
  };
  if (outcome.kind === 'failed') return withEntry({ ...record, trouble: text }, entry);
  return withEntry({ ...record, ...stepBehind(terms, record) }, entry);
}

interface Change {
  readonly removed?: readonly string[];
  readonly members?: number;
  readonly step: ServiceStep;
}
type Asked = Result<{ readonly change: Change; readonly text: string }>;

function stepForth(terms: ServiceTerms, record: ServiceRecord, { instance, members }: ServiceRequest): Asked {
  const { step, removed } = record;
  const { legacy } = serviceState(terms, record);
  const isNoted = instance !== undefined && removed.at(-1) === instance;
  switch (step.kind) {
    case 'awaiting-removal': {
      if (instance === undefined) {
        return failure(
          `the service waits until one of ${legacy.join(', ')} is ended: end it, and say so with --removed NAME`,
        );
      }
      if (!legacy.includes(instance)) return failure(`${instance} is noted as removed already`);
      const change = { removed: [...removed, instance], step: { kind: 'measuring', instance } } as const;
      return success({ change, text: `${instance} is said to be gone` });
    }
    case 'idle':
    case 'done':
    // Nothing was changed yet: the way back is given up.
    case 'awaiting-start':
    case 'joining':
      if (instance !== undefined && !isNoted) {
        return failure(`no member of the bridge stands for ${instance} yet: end it when the service says so`);
      }
      if (legacy.length === 0 && step.kind === 'done') return failure('everything of the service is on the bridge');
      return success({ change: firstStep(legacy, removed, members), text: 'asked to go on' });
    default:
      if (instance !== undefined && !isNoted) return failure(`the service is ${step.kind}: wait until that has ended`);
      return success({ change: { step }, text: 'asked to try again' });
  }
}

/** A member for the next instance, where there is none already. */
function firstStep(legacy: readonly string[], removed: readonly string[], members: number): Change {
  if (legacy.length === 0) return { members, step: { kind: 'confirming' } };
  const wanted = removed.length + 1;
  if (members >= wanted) return { members, step: { kind: 'verifying', members } };
  return { members: wanted, step: { kind: 'introducing', members: wanted } };
}

function stepBack(record: ServiceRecord, { instance, members }: ServiceRequest): Asked {
  const { step, removed } = record;
  if (step.kind === 'retiring' || (step.kind === 'joining' && (instance ?? step.instance) === step.instance)) {
    return success({ change: { step }, text: 'asked to try again' });
  }
  if (instance !== undefined) {
    if (!removed.includes(instance)) return failure(`${instance} is not noted as removed`);
    return success({
      change: { members, step: { kind: 'joining', instance } },
      text: `${instance} is said to be back`,
    });
  }
  // A member that no instance has gone for yet can go as it is.
  if (members > removed.length) {
    return success({ change: { members, step: { kind: 'retiring', members: members - 1 } }, text: 'asked to go back' });
  }
  const last = removed.at(-1);
  if (last === undefined) return failure('there is nothing to go back: every instance stands at the source');
  if (step.kind === 'awaiting-start')
    return failure(`the service waits until ${step.instance} is started: say so with started`);
  return success({ change: { members, step: { kind: 'awaiting-start', instance: last } }, text: 'asked to go back' });
}

function stepBehind(terms: ServiceTerms, record: ServiceRecord): Change {
  const { step, members, removed } = record;
  const { legacy } = serviceState(terms, record);
  switch (step.kind) {
    case 'introducing':
      return { step: { kind: 'verifying', members: step.members } };
    case 'verifying':
      return { step: { kind: 'awaiting-removal' } };
    case 'measuring':
      return firstStep(legacy, removed, members);
    case 'confirming':
      return { step: { kind: 'done' } };
    case 'joining':
      return {
        removed: removed.filter((instance) => instance !== step.instance),
        step: { kind: 'retiring', members: Math.max(0, members - 1) },
      };
    case 'retiring':
      return { members: step.members, step: { kind: 'idle' } };
    default:
      return { step };
  }
}

function withEntry(record: ServiceRecord, entry: ServiceEntry): ServiceRecord {
  return { ...record, history: [...record.history, entry].slice(-maxHistory) };
}

/** What an operator does next, in words. */
export function nextOf(terms: ServiceTerms, record: ServiceRecord): string {
  const { legacy, removed, members, step } = serviceState(terms, record);
  const call = `crossfade services move ${terms.name}`;
  if (record.trouble !== undefined) return `mend what is missing, then "${call}"${backHint(record, call)}`;
  switch (step) {
    case 'idle':
      if (legacy.length === 0) return `"${call}" proves that everything comes through the bridge`;
      return members === 0 && removed.length === 0
        ? `have an instance at the target, then "${call}" introduces the first member`
        : `"${call}" introduces the next member`;
    case 'awaiting-removal':
      return `end one of ${legacy.join(', ')} (it must unsubscribe), then "${call} --removed ${legacy[0] ?? ''}"`;
    case 'awaiting-start': {
      const instance = record.step.kind === 'awaiting-start' ? record.step.instance : '';
      return `start ${instance} at the source, then "${call} --back --started ${instance}"`;
    }
    case 'done':
      return `nothing: "crossfade services verify ${terms.name}" proves it again`;
    default:
      return 'nothing: it works by itself';
  }
}

function backHint({ step }: ServiceRecord, call: string): string {
  return step.kind === 'introducing' || step.kind === 'verifying' ? `, or "${call} --back" takes the member out` : '';
}
