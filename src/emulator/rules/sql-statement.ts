import type { SqlFunctionName } from './sql-functions.ts';

export type SqlComparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type SqlArithmetic = '+' | '-' | '*' | '/' | '%';

export type SqlExpression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** The whole payload. */
  | { readonly kind: 'payload' }
  /** Keys and indexes from the payload's top. */
  | { readonly kind: 'path'; readonly steps: readonly (string | number)[] }
  | { readonly kind: 'call'; readonly name: SqlFunctionName; readonly parameters: readonly SqlExpression[] }
  | { readonly kind: 'not'; readonly of: SqlExpression }
  | { readonly kind: 'and' | 'or'; readonly left: SqlExpression; readonly right: SqlExpression }
  | {
      readonly kind: 'comparison';
      readonly sign: SqlComparison;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
    }
  | {
      readonly kind: 'arithmetic';
      readonly sign: SqlArithmetic;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
    };

/** What is selected: the whole payload, its keys among others, or an expression under a name. */
export type SqlSelection =
  | { readonly kind: 'all' }
  | { readonly kind: 'named'; readonly name: string; readonly expression: SqlExpression };

export interface SqlStatement {
  readonly selections: readonly SqlSelection[];
  /** Absent: Basic Ingest alone runs the rule. */
  readonly topicFilter: string | undefined;
  readonly condition: SqlExpression | undefined;
}
