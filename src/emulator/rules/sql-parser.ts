import { topicFilterFault } from '../../mqtt/topic.ts';
import { sqlFunctionNamed } from './sql-functions.ts';
import type { SqlArithmetic, SqlComparison, SqlExpression, SqlSelection, SqlStatement } from './sql-statement.ts';
import { readSqlTokens, type SqlToken, sqlFault } from './sql-tokens.ts';

/** `SELECT … [FROM 'filter'] [WHERE …]`; throws SqlParseException, also for what AWS would understand and this does not. */
export function parseSqlStatement(sql: string): SqlStatement {
  return new SqlParser(sql).statement();
}

/** One expression, as it stands in `${…}`; throws SqlParseException. */
export function parseSqlExpression(text: string): SqlExpression {
  return new SqlParser(text).onlyExpression();
}

const keywords: readonly string[] = ['select', 'from', 'where', 'as', 'and', 'or', 'not', 'set', 'case', 'in', 'value'];
/** Bounds the recursion over what somebody sends. */
const deepestExpression = 50;

class SqlParser {
  readonly #tokens: readonly SqlToken[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = readSqlTokens(text);
  }

  statement(): SqlStatement {
    this.#expectKeyword('select');
    const selections = this.#list(() => this.#selection());
    const topicFilter = this.#takeKeyword('from') ? this.#topicFilter() : undefined;
    const condition = this.#takeKeyword('where') ? this.#expression() : undefined;
    this.#expectEnd();
    return { selections, topicFilter, condition };
  }

  onlyExpression(): SqlExpression {
    const expression = this.#expression();
    this.#expectEnd();
    return expression;
  }

  #selection(): SqlSelection {
    if (this.#takeSign('*') !== undefined) return { kind: 'all' };
    const expression = this.#expression();
    const name = this.#takeKeyword('as') ? this.#name() : usualName(expression);
    return { kind: 'named', name, expression };
  }

  #topicFilter(): string {
    const token = this.#next();
    if (token?.kind !== 'string') throw this.#unexpected(token, 'a topic filter in quotes');
    const fault = topicFilterFault(token.text);
    if (fault !== undefined) throw sqlFault(fault);
    return token.text;
  }

  #expression(): SqlExpression {
    this.#deepen();
    let left = this.#conjunction();
    while (this.#takeKeyword('or')) left = { kind: 'or', left, right: this.#conjunction() };
    this.#depth--;
    return left;
  }

  #deepen(): void {
    if (++this.#depth > deepestExpression) throw sqlFault(`it nests deeper than ${deepestExpression} levels`);
  }

  #conjunction(): SqlExpression {
    let left = this.#negation();
    while (this.#takeKeyword('and')) left = { kind: 'and', left, right: this.#negation() };
    return left;
  }

  #negation(): SqlExpression {
    let count = 0;
    while (this.#takeKeyword('not')) count++;
    const of = this.#comparison();
    return count % 2 === 0 ? of : { kind: 'not', of };
  }

  #comparison(): SqlExpression {
    const left = this.#sum();
    const sign = this.#takeSign('=', '<>', '!=', '<=', '>=', '<', '>');
    if (sign === undefined) return left;
    return { kind: 'comparison', sign: sign === '!=' ? '<>' : (sign as SqlComparison), left, right: this.#sum() };
  }

  #sum(): SqlExpression {
    return this.#chain(() => this.#product(), '+', '-');
  }

  #product(): SqlExpression {
    return this.#chain(() => this.#primary(), '*', '/', '%');
  }

  #chain(part: () => SqlExpression, ...signs: readonly SqlArithmetic[]): SqlExpression {
    let left = part();
    for (let sign = this.#takeSign(...signs); sign !== undefined; sign = this.#takeSign(...signs)) {
      left = { kind: 'arithmetic', sign: sign as SqlArithmetic, left, right: part() };
    }
    return left;
  }

  #primary(): SqlExpression {
    const token = this.#next();
    if (token?.kind === 'string') return { kind: 'literal', value: token.text };
    if (token?.kind === 'number') return { kind: 'literal', value: Number(token.text) };
    if (token?.kind === 'sign') return this.#signed(token);
    if (token?.kind !== 'word' || keywords.includes(token.text.toLowerCase())) throw this.#unexpected(token, 'a value');
    const constant = constants.get(token.text.toLowerCase());
    if (constant !== undefined) return { kind: 'literal', value: constant.value };
    return this.#takeSign('(') === undefined ? this.#path(token.text) : this.#call(token.text);
  }

  #signed(token: SqlToken): SqlExpression {
    if (token.text === '-') {
      const zero = { kind: 'literal', value: 0 } as const;
      this.#deepen();
      const right = this.#primary();
      this.#depth--;
      return { kind: 'arithmetic', sign: '-', left: zero, right };
    }
    if (token.text !== '(') throw this.#unexpected(token, 'a value');
    const inside = this.#expression();
    this.#expectSign(')');
    return inside;
  }

  #path(first: string): SqlExpression {
    const steps: (string | number)[] = [first];
    for (;;) {
      if (this.#takeSign('.') !== undefined) {
        steps.push(this.#name());
      } else if (this.#takeSign('[') !== undefined) {
        const token = this.#next();
        if (token?.kind !== 'number') throw this.#unexpected(token, 'an index');
        steps.push(Number(token.text));
        this.#expectSign(']');
      } else {
        return { kind: 'path', steps };
      }
    }
  }

  #call(text: string): SqlExpression {
    const named = sqlFunctionNamed(text);
    if (named === undefined) throw sqlFault(`the function ${text} is not known here`);
    const parameters = this.#takeSign(')') === undefined ? this.#parameters() : [];
    const [least, most] = named.parameters;
    if (parameters.length < least || parameters.length > most) {
      throw sqlFault(`${named.name} takes ${least === most ? least : `${least} to ${most}`} parameters`);
    }
    return { kind: 'call', name: named.name, parameters };
  }

  #parameters(): SqlExpression[] {
    const parameters = this.#list(() =>
      this.#takeSign('*') === undefined ? this.#expression() : { kind: 'payload' as const },
    );
    this.#expectSign(')');
    return parameters;
  }

  #list<Item>(item: () => Item): Item[] {
    const items = [item()];
    while (this.#takeSign(',') !== undefined) items.push(item());
    return items;
  }

  #name(): string {
    const token = this.#next();
    if (token?.kind === 'word' || (token?.kind === 'string' && token.text !== '')) return token.text;
    throw this.#unexpected(token, 'a name');
  }

  #next(): SqlToken | undefined {
    return this.#tokens[this.#at++];
  }

  #takeKeyword(word: string): boolean {
    const token = this.#tokens[this.#at];
    const isThere = token?.kind === 'word' && token.text.toLowerCase() === word;
    if (isThere) this.#at++;
    return isThere;
  }

  #takeSign(...signs: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || !signs.includes(token.text)) return undefined;
    this.#at++;
    return token.text;
  }

  #expectKeyword(word: string): void {
    if (!this.#takeKeyword(word)) throw this.#unexpected(this.#next(), word.toUpperCase());
  }

  #expectSign(sign: string): void {
    if (this.#takeSign(sign) === undefined) throw this.#unexpected(this.#next(), sign);
  }

  #expectEnd(): void {
    const token = this.#next();
    if (token !== undefined) throw this.#unexpected(token, 'the end');
  }

  #unexpected(token: SqlToken | undefined, expected: string) {
    const got = token === undefined ? 'the end' : `${JSON.stringify(token.text)} at character ${token.at + 1}`;
    return sqlFault(`expected ${expected}, got ${got}`);
  }
}

const constants: ReadonlyMap<string, { readonly value: boolean | null }> = new Map([
  ['true', { value: true }],
  ['false', { value: false }],
  ['null', { value: null }],
]);

/** The key of a selection without AS: a path's last key, a function's name. */
function usualName(expression: SqlExpression): string {
  if (expression.kind === 'path')
    return String(expression.steps.findLast((step) => typeof step === 'string') ?? 'value');
  if (expression.kind === 'call') return expression.name;
  throw sqlFault('expected AS and a name behind a computed value');
}
