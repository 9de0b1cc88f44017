import type { Answer } from './answer.ts';
import type { AnswerChoices, AnswerSource, Question } from './answer-source.ts';
import type { AskingNetwork } from './asking-network.ts';
import { lookUp } from './lookup.ts';
import type { Steer } from './node-sets.ts';
import { signAnswer } from './signed-answer.ts';
import { steeredExistence, steeredSet } from './steered-sets.ts';
import type { Steering, SteeringDecision } from './steering-decision.ts';
import { isSameName, labelCount, labelsOf, type WireName } from './wire-name.ts';
import type { Zone } from './zone.ts';
import type { ZoneSigner } from './zone-signer.ts';
import { createZones, zoneFor } from './zones.ts';

/** A zone with what decides about its steered names, and who signs it. */
export interface ServedZone {
  readonly zone: Zone;
  /** In the order of the `steered` owners that the zone was created with. */
  readonly steerings: readonly Steering[];
  /** Absent: the zone is not signed. */
  readonly signer?: ZoneSigner;
}

/** One snapshot of zones and steering, as the responder asks it. */
export function createZoneAnswers(served: readonly ServedZone[]): AnswerSource {
  const zones = createZones(served.map(({ zone }) => zone));
  const preparedByZone = new Map(served.map((one) => [one.zone, { ...one, depths: wildcardDepths(one) }]));

  function answer(question: Question, steer: Steer, nowMs: number): Answer {
    const lookup = lookUp(zones, question, steer);
    const signer = lookup.zone === undefined ? undefined : preparedByZone.get(lookup.zone)?.signer;
    const isSigned = signer !== undefined && question.isDnssecOk && lookup.kind !== 'unresolved';
    return isSigned ? signAnswer(lookup, question, signer, nowMs) : lookup.answer;
  }

  /** Every steering that has a say in the answer, found by asking without one. */
  function touchedBy(question: Question): readonly Touched[] {
    const zone = zoneFor(zones, question.key, question.type);
    const prepared = zone === undefined ? undefined : preparedByZone.get(zone);
    if (prepared === undefined || prepared.steerings.length === 0) return [];
    const touched: Touched[] = [];
    const touch = (index: number, owner: WireName) => {
      const steering = prepared.steerings[index];
      if (steering === undefined || touched.some((one) => one.index === index && isSameName(one.owner, owner))) return;
      touched.push({ index, owner, steering, labels: labelsAbove(owner, prepared.depths[index]) });
    };
    lookUp(zones, question, {
      set: (index, owner) => void touch(index, owner),
      existence: (index, owner) => {
        // A split has every name that it steers.
        if (prepared.steerings[index]?.rule.by === 'cohort') touch(index, owner);
        return 'name';
      },
      ttl: () => 0,
    });
    return touched;
  }

  return {
    isOrigin: (key) => zones.zoneByOrigin.has(key),
    resolve(question, nowMs) {
      const touched = touchedBy(question);
      const answerBy = (decisions: readonly SteeringDecision[], atMs: number) =>
        answer(question, steerBy(touched, decisions), atMs);
      if (touched.every(({ steering }) => !steering.dependsOnNetwork)) {
        return { kind: 'fixed', answer: answerBy(decide(touched, nobody), nowMs) };
      }
      return { kind: 'varies', choices: choicesOf(touched, answerBy) };
    },
  };
}

interface Touched {
  readonly index: number;
  readonly owner: WireName;
  readonly steering: Steering;
  /** What stands in the place of the `*`. */
  readonly labels: readonly Uint8Array[];
}

const nobody: AskingNetwork = { address: new Uint8Array(4), prefixLength: 0 };

function decide(touched: readonly Touched[], network: AskingNetwork): readonly SteeringDecision[] {
  return touched.map(({ steering, labels }) => steering.decide(labels, network));
}

function choicesOf(
  touched: readonly Touched[],
  answerBy: (decisions: readonly SteeringDecision[], nowMs: number) => Answer,
): AnswerChoices {
  const decisionsByChoice = new Map<object, readonly SteeringDecision[]>();
  return {
    choose(network) {
      const decisions = decide(touched, network);
      const choice = choiceOf(decisions, decisionsByChoice);
      decisionsByChoice.set(choice, decisions);
      return choice;
    },
    scopeOf: (network) => Math.max(...touched.map(({ steering }) => steering.scopeOf(network))),
    answerFor: (choice, nowMs) => answerBy(decisionsByChoice.get(choice) ?? [], nowMs),
  };
}

/** Decisions are the same objects for the same answer; several together are told apart by a list that is kept. */
function choiceOf(
  decisions: readonly SteeringDecision[],
  known: ReadonlyMap<object, readonly SteeringDecision[]>,
): object {
  const [only] = decisions;
  if (decisions.length === 1 && only !== undefined) return only;
  for (const [choice, others] of known) {
    if (others.every((decision, index) => decision === decisions[index])) return choice;
  }
  return decisions;
}

function steerBy(touched: readonly Touched[], decisions: readonly SteeringDecision[]): Steer {
  const place = (steering: number, owner: WireName) =>
    touched.findIndex((one) => one.index === steering && isSameName(one.owner, owner));
  const ttl = (steering: number) => touched.find(({ index }) => index === steering)?.steering.rule.ttl ?? 0;
  return {
    set: (steering, owner, type) => steeredSet(decisions[place(steering, owner)], { owner, type, ttl: ttl(steering) }),
    existence: (steering, owner) => steeredExistence(decisions[place(steering, owner)]),
    ttl,
  };
}

/** For each steered wildcard, by its index, how many labels stand behind its `*`. */
function wildcardDepths({ zone, steerings }: ServedZone): readonly (number | undefined)[] {
  const depths = steerings.map((): number | undefined => undefined);
  for (const { owner, steering } of zone.steeredNodes) {
    const isWildcard = owner[0] === 1 && owner[1] === 0x2a;
    if (steering !== undefined && isWildcard) depths[steering] = labelCount(owner) - 1;
  }
  return depths;
}

function labelsAbove(owner: WireName, depth: number | undefined): readonly Uint8Array[] {
  return depth === undefined ? [] : labelsOf(owner).slice(0, labelCount(owner) - depth);
}
