import { IotRefusal, notFound } from './refusal.ts';

/** The resources of one kind by their name, bounded: a further one is refused as the service refuses it. */
export class Collection<Resource extends { readonly arn: string }> {
  /** As messages call it, for example `Thing`. */
  readonly #kind: string;
  readonly #bound: number;
  readonly #byName = new Map<string, Resource>();

  constructor(kind: string, bound: number) {
    this.#kind = kind;
    this.#bound = bound;
  }

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): Resource | undefined {
    return this.#byName.get(name);
  }

  /** Throws ResourceNotFoundException. */
  get(name: string): Resource {
    const resource = this.#byName.get(name);
    if (resource === undefined) throw notFound(`${this.#kind} ${name} does not exist`);
    return resource;
  }

  /** Throws ResourceAlreadyExistsException and LimitExceededException. */
  add(name: string, resource: Resource): void {
    this.expectFree(name);
    this.#byName.set(name, resource);
  }

  /** The refusals of `add`, for a resource that costs something to make. */
  expectFree(name: string): void {
    const present = this.#byName.get(name);
    if (present !== undefined) {
      const resource = { resourceId: name, resourceArn: present.arn };
      throw new IotRefusal('ResourceAlreadyExistsException', `${this.#kind} ${name} already exists`, resource);
    }
    if (this.#byName.size >= this.#bound) {
      throw new IotRefusal('LimitExceededException', `${this.#kind}: this account may have ${this.#bound}`);
    }
  }

  replace(name: string, resource: Resource): void {
    this.get(name);
    this.#byName.set(name, resource);
  }

  /** Throws ResourceNotFoundException. */
  remove(name: string): void {
    this.get(name);
    this.#byName.delete(name);
  }

  all(): Resource[] {
    return [...this.#byName.values()];
  }
}
