import type { RuleAction } from './rule-actions.ts';
import type { SqlStatement } from './sql-statement.ts';

/** What a rule does, read when it is made. */
export interface RuleProgram {
  readonly statement: SqlStatement;
  readonly actions: readonly RuleAction[];
  readonly errorAction: RuleAction | undefined;
}
