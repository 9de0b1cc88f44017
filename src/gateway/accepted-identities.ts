/** Identities that a broker has accepted of late, by number; bounded, and those least lately used are forgotten together. */
export class AcceptedIdentities {
  readonly #half: number;
  #recent = new Set<number>();
  #former = new Set<number>();

  /** `max`: at most so many are known, half of them at least. */
  constructor(max: number) {
    this.#half = Math.max(1, Math.floor(max / 2));
  }

  get size(): number {
    return this.#recent.size + this.#former.size;
  }

  has(identity: number): boolean {
    if (this.#recent.has(identity)) return true;
    if (!this.#former.delete(identity)) return false;
    this.add(identity);
    return true;
  }

  add(identity: number): void {
    if (this.#recent.size >= this.#half && !this.#recent.has(identity)) {
      this.#former = this.#recent;
      this.#recent = new Set();
    }
    this.#former.delete(identity);
    this.#recent.add(identity);
  }

  delete(identity: number): void {
    this.#recent.delete(identity);
    this.#former.delete(identity);
  }
}
