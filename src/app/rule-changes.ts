import type { BridgeRuleChange } from '../admin/admin-api.ts';
import type { BridgeDocument } from '../admin/bridge-documents.ts';

/** By the rule's name. */
export type RuleMarks = ReadonlyMap<string, BridgeRuleChange>;

/** What of the bridge an event tells when it changes. */
export function ruleMarks({ rules }: BridgeDocument): RuleMarks {
  return new Map(
    rules.map(({ name, state, members, spool }) => [name, { rule: name, state, members, spoolAlarm: spool.alarm }]),
  );
}

/** Rules that are otherwise than they were, as they are now. */
export function changedRules(before: RuleMarks, now: RuleMarks): readonly BridgeRuleChange[] {
  return [...now.values()].filter((mark) => JSON.stringify(before.get(mark.rule)) !== JSON.stringify(mark));
}

const lookEveryMs = 1_000;

export interface RuleChangesDeps {
  /** Undefined: the board cannot be read now. */
  readonly look: () => BridgeDocument | undefined;
  readonly onChange: (change: BridgeRuleChange) => void;
}

/** Looks at the board, whose writers tell nobody, and says what has changed since it looked last. */
export class RuleChanges {
  readonly #deps: RuleChangesDeps;
  readonly #timer: NodeJS.Timeout;
  #marks: RuleMarks | undefined;

  constructor(deps: RuleChangesDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const seen = this.#deps.look();
    if (seen === undefined) return;
    const marks = ruleMarks(seen);
    for (const change of changedRules(this.#marks ?? marks, marks)) this.#deps.onChange(change);
    this.#marks = marks;
  }
}
