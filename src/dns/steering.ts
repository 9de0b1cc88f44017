import { createCohortSteering } from './cohort-steering.ts';
import { createSplitSteering } from './split-steering.ts';
import type { Steering, SteeringFacts } from './steering-decision.ts';
import type { SteeringRule } from './steering-rule.ts';

/** Prepares a rule of a zone for questions, under one set of facts. */
export function createSteering(rule: SteeringRule, facts: SteeringFacts): Steering {
  return rule.by === 'split' ? createSplitSteering(rule, facts) : createCohortSteering(rule, facts);
}
