import { type ConfigurationPath, describeValue, type Finding, type PathStep } from './configuration-mistake.ts';

/** Words for the value at a path that may stand in a message: never a secret. */
export type Describe = (path: ConfigurationPath, value: unknown) => string;

/**
 * A place in the configuration as it was written, right or wrong. Cross-checks walk it instead of the typed
 * configuration, so that one mistake does not hide another; what has the wrong type reads as absent.
 */
export class Cursor {
  readonly path: ConfigurationPath;
  readonly value: unknown;
  readonly #describe: Describe;

  constructor(
    value: unknown,
    path: ConfigurationPath = [],
    describe: Describe = (_, described) => describeValue(described),
  ) {
    this.value = value;
    this.path = path;
    this.#describe = describe;
  }

  /** The value in a message. */
  get shown(): string {
    return this.#describe(this.path, this.value);
  }

  at(...steps: readonly PathStep[]): Cursor {
    return steps.reduce<Cursor>((cursor, step) => cursor.#child(step), this);
  }

  get isPresent(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  get text(): string | undefined {
    return typeof this.value === 'string' ? this.value : undefined;
  }

  get number(): number | undefined {
    return typeof this.value === 'number' ? this.value : undefined;
  }

  /** The items of a list; none when it is no list. */
  get items(): readonly Cursor[] {
    return Array.isArray(this.value) ? this.value.map((_, index) => this.at(index)) : [];
  }

  /** The values of a mapping with their keys; none when it is no mapping. */
  get entries(): readonly (readonly [string, Cursor])[] {
    return isMapping(this.value) ? Object.keys(this.value).map((key) => [key, this.at(key)] as const) : [];
  }

  has(key: string): boolean {
    return isMapping(this.value) && Object.hasOwn(this.value, key);
  }

  finding(message: string): Finding {
    return { path: this.path, message };
  }

  /** `expected …, got …` about this value. */
  unexpected(expectation: string): Finding {
    return this.finding(`expected ${expectation}, got ${this.shown}`);
  }

  #child(step: PathStep): Cursor {
    const { value } = this;
    const isOwn = typeof value === 'object' && value !== null && Object.hasOwn(value, step);
    return new Cursor(
      isOwn ? (value as Record<PathStep, unknown>)[step] : undefined,
      [...this.path, step],
      this.#describe,
    );
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
