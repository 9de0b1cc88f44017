/** Who is attached to whom, found from either side; a note goes with each attachment. */
export class Relation<Note = true> {
  readonly #rightsOf = new Map<string, Map<string, Note>>();
  readonly #leftsOf = new Map<string, Set<string>>();

  /** Attaching again replaces the note. */
  attach(left: string, right: string, note: Note): void {
    const rights = this.#rightsOf.get(left) ?? new Map<string, Note>();
    this.#rightsOf.set(left, rights.set(right, note));
    const lefts = this.#leftsOf.get(right) ?? new Set<string>();
    this.#leftsOf.set(right, lefts.add(left));
  }

  /** Says whether it was attached. */
  detach(left: string, right: string): boolean {
    const rights = this.#rightsOf.get(left);
    if (rights?.delete(right) !== true) return false;
    if (rights.size === 0) this.#rightsOf.delete(left);
    const lefts = this.#leftsOf.get(right);
    lefts?.delete(left);
    if (lefts?.size === 0) this.#leftsOf.delete(right);
    return true;
  }

  note(left: string, right: string): Note | undefined {
    return this.#rightsOf.get(left)?.get(right);
  }

  /** In the order of attachment. */
  rightsOf(left: string): string[] {
    return [...(this.#rightsOf.get(left)?.keys() ?? [])];
  }

  leftsOf(right: string): string[] {
    return [...(this.#leftsOf.get(right) ?? [])];
  }
}
