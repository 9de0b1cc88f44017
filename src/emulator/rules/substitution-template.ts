import { evaluate, type SqlInput } from './sql-evaluation.ts';
import { sqlText } from './sql-functions.ts';
import { parseSqlExpression } from './sql-parser.ts';
import type { SqlExpression } from './sql-statement.ts';
import { sqlFault } from './sql-tokens.ts';

/** A text with `${expression}` in it; `$$` at its beginning stands for `$`, so that `$aws/…` can be named. */
export type SubstitutionTemplate = readonly (string | SqlExpression)[];

/** Throws SqlParseException. */
export function readTemplateText(text: string): SubstitutionTemplate {
  const parts: (string | SqlExpression)[] = [];
  let at = 0;
  for (let open = text.indexOf('${'); open >= 0; open = text.indexOf('${', at)) {
    const close = text.indexOf('}', open);
    if (close < 0) throw sqlFault(`expected } in the substitution template ${JSON.stringify(text)}`);
    parts.push(text.slice(at, open), parseSqlExpression(text.slice(open + 2, close)));
    at = close + 1;
  }
  return [...parts, text.slice(at)];
}

/** An Undefined value becomes `undefined`. */
export function renderTemplate(template: SubstitutionTemplate, input: SqlInput): string {
  return template
    .map((part) => (typeof part === 'string' ? part : sqlText(evaluate(part, input))))
    .join('')
    .replace(/^\$\$/, '$');
}
