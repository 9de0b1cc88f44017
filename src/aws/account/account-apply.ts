import { type BackoffOptions, backoffDelayMs } from '../../base/backoff.ts';
import { CrossfadeError } from '../../base/errors.ts';
import { accountOf } from '../account-id.ts';
import { isIotFailure } from '../iot-failure.ts';
import type { ControlPlane } from '../control-plane.ts';
import { type AccountStep, type PlanTerms, planResource } from './account-plan.ts';
import { fleetTag, resourceTitle } from './resource.ts';
import { operationsOf, readResource, tagResource } from './resource-operations.ts';

/** `already`: it was as described when its turn came, or somebody was faster. */
export type StepOutcome = 'created' | 'updated' | 'already' | 'unsupported';

export interface AppliedStep {
  readonly step: AccountStep;
  readonly outcome: StepOutcome;
}

export interface ApplyReport {
  readonly done: readonly AppliedStep[];
  /** What stopped it; absent: all is done. */
  readonly failed?: { readonly step: AccountStep; readonly error: Error };
  /** Not tried. */
  readonly left: readonly AccountStep[];
}

export interface ApplyDeps {
  readonly iot: ControlPlane;
  readonly terms: PlanTerms;
  /** The account that it must be; undefined: any. */
  readonly account: string | undefined;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly onStep: (done: number, step: AccountStep) => void;
}

/** Tries of one step whose call was not answered, the first included. */
const attempts = 4;
const backoff: BackoffOptions = { baseMs: 500, maxMs: 5_000 };

/**
 * Takes the steps one after the other and stops at the first refusal. Each resource is read again before it is touched,
 * so what took effect though its answer was lost is not done twice, and a second run goes on where the first stopped.
 */
export async function applyAccount(steps: readonly AccountStep[], deps: ApplyDeps): Promise<ApplyReport> {
  const done: AppliedStep[] = [];
  for (const [index, step] of steps.entries()) {
    deps.onStep(index, step);
    try {
      done.push({ step, outcome: await applyStep(step, deps) });
    } catch (error) {
      if (!(error instanceof CrossfadeError)) throw error;
      return { done, failed: { step, error }, left: steps.slice(index + 1) };
    }
  }
  return { done, left: [] };
}

async function applyStep(step: AccountStep, deps: ApplyDeps): Promise<StepOutcome> {
  for (let attempt = 0; ; attempt += 1) {
    const { iot, terms, sleep, random } = deps;
    const now = planResource(step.resource, await readResource(iot, step.resource), terms);
    requireAccount(now, deps);
    if (now.action === 'nothing') return 'already';
    if (now.action === 'unsupported') return 'unsupported';
    if (now.action === 'conflict') throw new CrossfadeError('aws-conflict', now.reason);
    try {
      return await perform(now, deps);
    } catch (error) {
      const isLost = isIotFailure(error, 'already-exists', 'throttled', 'unavailable');
      if (isIotFailure(error, 'unsupported')) return 'unsupported';
      if (!isLost || attempt + 1 >= attempts) throw error;
      await sleep(backoffDelayMs(attempt, random(), backoff));
    }
  }
}

async function perform({ resource, actual, changes }: AccountStep, { iot, terms }: ApplyDeps): Promise<StepOutcome> {
  const operations = operationsOf(resource);
  if (actual === undefined) {
    await operations.create(iot, resource, { Key: fleetTag, Value: terms.fleet });
    await markAsOurs({ iot, terms }, resource);
    return 'created';
  }
  if (changes.length > 0) await operations.update(iot, resource, { actual, changes });
  if (actual.arn !== undefined && actual.tags !== undefined && actual.tags[fleetTag] === undefined) {
    await tagResource(iot, actual.arn, terms.fleet);
  }
  return 'updated';
}

/** Some endpoints forget the tags that came with the call that made it. */
async function markAsOurs({ iot, terms }: Pick<ApplyDeps, 'iot' | 'terms'>, resource: AccountStep['resource']) {
  const made = await readResource(iot, resource);
  if (made.state !== 'present' || made.actual.arn === undefined || made.actual.tags === undefined) return;
  if (made.actual.tags[fleetTag] === undefined) await tagResource(iot, made.actual.arn, terms.fleet);
}

/** The last guard where the account could not be learnt before. */
function requireAccount({ actual, resource }: AccountStep, { account }: ApplyDeps): void {
  const found = accountOf(actual?.arn);
  if (account === undefined || found === undefined || found === account) return;
  throw new CrossfadeError(
    'aws-account',
    `${resource.kind} ${resourceTitle(resource)} is in account ${found}, expected ${account}`,
  );
}
