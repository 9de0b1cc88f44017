export interface ResultPage<Item> {
  readonly items: readonly Item[];
  readonly nextToken: string | undefined;
}

/** AWS's bound for the lists of the data API. */
const most = 200;

/** The part of a list that `maxResults` and `nextToken` ask for; undefined: they cannot be read. */
export function pageOf<Item>(
  list: readonly Item[],
  query: URLSearchParams,
  defaultResults: number,
): ResultPage<Item> | undefined {
  const count = numberIn(query.get('maxResults'), defaultResults);
  const start = numberIn(query.get('nextToken'), 0);
  if (count === undefined || start === undefined || count < 1 || count > most) return undefined;
  const end = start + count;
  return { items: list.slice(start, end), nextToken: end < list.length ? String(end) : undefined };
}

function numberIn(text: string | null, otherwise: number): number | undefined {
  if (text === null) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
