const shown = '[secret]';

/** Bytes that no log, error message or JSON may show: a password, a will's payload. A copy that it alone holds. */
export class Secret {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    // Not Buffer.from: that shares a slab with other buffers.
    this.#bytes = Buffer.alloc(bytes.length);
    this.#bytes.set(bytes);
  }

  get length(): number {
    return this.#bytes.length;
  }

  reveal(): Buffer {
    return this.#bytes;
  }

  toJSON(): string {
    return shown;
  }

  toString(): string {
    return shown;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return shown;
  }
}
