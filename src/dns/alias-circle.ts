import { lookUp } from './lookup.ts';
import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { nameKey, type WireName } from './wire-name.ts';
import type { Zone } from './zone.ts';
import { createZones } from './zones.ts';

/** Zones that one alias is followed through at most. */
const mostZones = 20;

/**
 * The steered name that an alias leads to by the CNAMEs and DNAMEs of these zones, or is itself; undefined: none. What is
 * steered to such an alias would be answered with itself.
 */
export function steeredNameBehind(zones: readonly Zone[], alias: WireName): WireName | undefined {
  const served = createZones(zones);
  let name: WireName | undefined = alias;
  for (let followed = 0; name !== undefined && followed < mostZones; followed += 1) {
    let steered: WireName | undefined;
    const note = (owner: WireName) => {
      steered ??= owner;
    };
    const { kind, answer } = lookUp(
      served,
      { name, key: nameKey(name), type: recordType.A },
      {
        set: (_steering, owner) => void note(owner),
        existence: (_steering, owner) => {
          note(owner);
          return 'name';
        },
        ttl: () => 0,
      },
    );
    if (steered !== undefined) return steered;
    name = kind === 'elsewhere' ? targetOf(answer.answer.at(-1)) : undefined;
  }
  return undefined;
}

function targetOf(set: RecordSet | undefined): WireName | undefined {
  return set?.type === recordType.CNAME ? set.rdatas[0] : undefined;
}
