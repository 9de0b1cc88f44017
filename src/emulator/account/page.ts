import { invalidRequest } from './refusal.ts';

/** What a caller asked for: the API names the same two things `marker`/`pageSize` and `nextToken`/`maxResults`. */
export interface PageRequest {
  readonly size: number | undefined;
  readonly token: string | undefined;
  readonly descending?: boolean | undefined;
}

/** The service's bound, and what a caller gets who names no size. */
const largestPage = 250;
const usualPage = 25;

/**
 * One page, in the order of keys. A token names the last key that was given, so that a caller who deletes what it lists
 * misses nothing.
 */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  { size = usualPage, token, descending = false }: PageRequest,
): { readonly items: Item[]; readonly next: string | undefined } {
  if (size < 1 || size > largestPage) throw invalidRequest(`Page size ${size} is not within 1 to ${largestPage}`);
  const direction = descending ? -1 : 1;
  const last = token === undefined || token === '' ? undefined : readToken(token);
  const keyed = items.map((item) => ({ key: keyOf(item), item }));
  const rest = keyed
    .filter(({ key }) => last === undefined || compareText(key, last) * direction > 0)
    .sort((one, other) => compareText(one.key, other.key) * direction);
  const page = rest.slice(0, size);
  const lastKey = rest.length > size ? page.at(-1)?.key : undefined;
  return {
    items: page.map(({ item }) => item),
    next: lastKey === undefined ? undefined : Buffer.from(`${tokenMark}${lastKey}`).toString('base64url'),
  };
}

const tokenMark = 'page:';

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith(tokenMark)) throw invalidRequest('The token for the next page is not valid');
  return text.slice(tokenMark.length);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
