import { IotRefusal } from '../account/refusal.ts';

export type SqlToken =
  | { readonly kind: 'word'; readonly text: string; readonly at: number }
  | { readonly kind: 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'number'; readonly text: string; readonly at: number }
  | { readonly kind: 'sign'; readonly text: string; readonly at: number };

/** Splits a statement; throws SqlParseException. A quoted string doubles its quote to hold one. */
export function readSqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    form.lastIndex = at;
    const groups = form.exec(sql)?.groups;
    if (groups === undefined) throw sqlFault(`unexpected ${JSON.stringify(sql[at])} at character ${at + 1}`);
    const { space = '', word, single, double, number, sign } = groups;
    const quoted = single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"');
    const start = at;
    at = form.lastIndex;
    if (word !== undefined) tokens.push({ kind: 'word', text: word, at: start });
    else if (quoted !== undefined) tokens.push({ kind: 'string', text: quoted, at: start });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, at: start });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at: start });
    else if (space === '') throw sqlFault(`unexpected ${JSON.stringify(sql[start])} at character ${start + 1}`);
  }
  return tokens;
}

export function sqlFault(message: string): IotRefusal {
  return new IotRefusal('SqlParseException', `The SQL statement is not valid: ${message}`);
}

const form =
  /(?<space>\s+)|(?<word>[A-Za-z_][\w]*)|'(?<single>(?:[^']|'')*)'|"(?<double>(?:[^"]|"")*)"|(?<number>\d+(?:\.\d+)?)|(?<sign><>|<=|>=|!=|[-+*/%=<>(),.[\]])/y;
