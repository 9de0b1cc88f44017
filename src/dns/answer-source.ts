import type { Answer } from './answer.ts';
import type { AskingNetwork } from './asking-network.ts';
import type { WireName } from './wire-name.ts';

/** What is asked, of class IN. */
export interface Question {
  /** In lower case. */
  readonly name: WireName;
  /** nameKey of the name. */
  readonly key: string;
  readonly type: number;
  /** DO: the asker wants signatures (RFC 4035 section 3.2.1). */
  readonly isDnssecOk: boolean;
  /** CO: the asker takes NXDOMAIN with a compact denial (RFC 9824 section 5.1). */
  readonly isCompactOk: boolean;
}

/** One immutable snapshot of zones, steering, plan, health and aliases. */
export interface AnswerSource {
  /** `nowMs`: wall clock, as in every time here. */
  resolve(question: Question, nowMs: number): Resolution;
  /** A zone of this origin is served. */
  isOrigin(key: string): boolean;
}

/** Answers are kept and repeated for as long as the snapshot stands, or until they say. */
export type Resolution =
  | { readonly kind: 'fixed'; readonly answer: Answer }
  | { readonly kind: 'varies'; readonly choices: AnswerChoices };

/** An answer that depends on the asking network. */
export interface AnswerChoices {
  /** What is answered to this network: the same object for the same answer. */
  choose(network: AskingNetwork): object;
  /** Bits of the network that `choose` depends on (RFC 7871 section 7.2.1). */
  scopeOf(network: AskingNetwork): number;
  answerFor(choice: object, nowMs: number): Answer;
}
