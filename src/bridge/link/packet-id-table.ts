/** Values by packet identifier: as flat as a window is wide, with a map for identifiers that share a place. */
export class PacketIdTable<Value> {
  readonly #mask: number;
  readonly #ids: Uint16Array;
  readonly #values: (Value | undefined)[];
  readonly #others = new Map<number, Value>();
  #placed = 0;

  /** `window`: of identifiers that follow one another so many never share a place. */
  constructor(window: number) {
    const places = 2 ** Math.ceil(Math.log2(Math.min(65_536, Math.max(16, window))));
    this.#mask = places - 1;
    this.#ids = new Uint16Array(places);
    this.#values = new Array(places).fill(undefined);
  }

  get size(): number {
    return this.#placed + this.#others.size;
  }

  get(id: number): Value | undefined {
    const at = id & this.#mask;
    if (this.#ids[at] === id) return this.#values[at];
    return this.#others.size === 0 ? undefined : this.#others.get(id);
  }

  /** In place of what it had. */
  set(id: number, value: Value): void {
    const at = id & this.#mask;
    const holder = this.#ids[at];
    if (holder !== 0 && holder !== id) {
      this.#others.set(id, value);
      return;
    }
    if (this.#others.size > 0) this.#others.delete(id);
    if (holder === 0) this.#placed += 1;
    this.#ids[at] = id;
    this.#values[at] = value;
  }

  delete(id: number): void {
    const at = id & this.#mask;
    if (this.#ids[at] !== id) {
      if (this.#others.size > 0) this.#others.delete(id);
      return;
    }
    this.#ids[at] = 0;
    this.#values[at] = undefined;
    this.#placed -= 1;
  }

  clear(): void {
    this.#ids.fill(0);
    this.#values.fill(undefined);
    this.#others.clear();
    this.#placed = 0;
  }

  /** In no order. */
  *values(): Generator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value;
    yield* this.#others.values();
  }
}
