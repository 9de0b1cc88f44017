/** The ETag of a revision of the plan: its number (RFC 9110 section 8.8.3). */
export function toETag(revision: number): string {
  return `"${revision}"`;
}

/** The revision of an `If-Match` header, which is one strong tag; undefined when it is anything else. */
export function parseIfMatch(header: string): number | undefined {
  const digits = /^"([1-9]\d{0,14})"$/.exec(header.trim())?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether an `If-None-Match` header names the revision, so that a reader has it already. */
export function ifNoneMatchIs(header: string | string[] | undefined, revision: number): boolean {
  return typeof header === 'string' && header.trim() === toETag(revision);
}
