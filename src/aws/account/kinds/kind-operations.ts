import type { ControlPlane } from '../../control-plane.ts';
import type { PropertyChange } from '../property-difference.ts';
import type { ActualResource, Resource } from '../resource.ts';

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** What one kind of resource is read and changed by. Every method rejects with an IotFailure. */
export interface KindOperations<Kind extends Resource = Resource> {
  /** Undefined: it is not there. Tags are read by the caller. */
  read(iot: ControlPlane, resource: Kind): Promise<ActualResource | undefined>;
  /** The ARN of what was made, where AWS says. */
  create(iot: ControlPlane, resource: Kind, tag: Tag): Promise<string | undefined>;
  update(
    iot: ControlPlane,
    resource: Kind,
    change: { actual: ActualResource; changes: readonly PropertyChange[] },
  ): Promise<void>;
  /** Only what was read before; what is gone meanwhile is no failure. */
  remove(iot: ControlPlane, resource: Kind, actual: ActualResource): Promise<void>;
}

/** What changed, by the name of the property. */
export function hasChanged(changes: readonly PropertyChange[], property: string): boolean {
  return changes.some(
    ({ path }) => path === property || path.startsWith(`${property}.`) || path.startsWith(`${property}[`),
  );
}

/** The members that were told, named otherwise; what is undefined was not. */
export function told(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const defined = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined.map(([name, value]) => [name, withoutUndefined(value)]));
}

/** As it went over the wire. */
function withoutUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
