import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { wildcardKey, type Zone, type ZoneNode } from './zone.ts';

/**
 * What a zone has at a name (RFC 1034 section 4.3.2, RFC 4592 section 3.3).
 * `node`: the name itself, or the wildcard that stands for it.
 * `referral`: it belongs to the zone below `node`, which is a cut.
 * `dname`: a name above it, `node`, is mapped elsewhere as a whole tree.
 * `none`: it does not exist.
 */
export type NameFound =
  | { readonly kind: 'node'; readonly node: ZoneNode; readonly isWildcard: boolean }
  | { readonly kind: 'referral'; readonly node: ZoneNode }
  | { readonly kind: 'dname'; readonly node: ZoneNode; readonly dname: RecordSet }
  | { readonly kind: 'none' };

/** `key` is the `nameKey` of a name at or below the zone's origin. */
export function findName(zone: Zone, key: string, type: number): NameFound {
  const exact = zone.nodeByKey.get(key);
  if (exact !== undefined) return atNode(exact, type);
  const [encloserKey, encloser] = closestEncloser(zone, key);
  if (encloser.place === 'cut') return { kind: 'referral', node: encloser };
  if (encloser.cut !== undefined) return { kind: 'referral', node: encloser.cut };
  const dname = encloser.setByType.get(recordType.DNAME);
  if (dname !== undefined) return { kind: 'dname', node: encloser, dname };
  const wildcard = zone.nodeByKey.get(wildcardKey(encloserKey));
  return wildcard === undefined ? { kind: 'none' } : { kind: 'node', node: wildcard, isWildcard: true };
}

/** The nearest name above that exists. A name of a hundred labels is not looked for at each of them. */
function closestEncloser({ nodeByKey, keyLengths, originKey, apex }: Zone, key: string): readonly [string, ZoneNode] {
  for (let at = 1 + key.charCodeAt(0); key.length - at > originKey.length; at += 1 + key.charCodeAt(at)) {
    if (!keyLengths.has(key.length - at)) continue;
    const above = key.slice(at);
    const node = nodeByKey.get(above);
    if (node !== undefined) return [above, node];
  }
  return [originKey, apex];
}

function atNode(node: ZoneNode, type: number): NameFound {
  if (node.cut !== undefined) return { kind: 'referral', node: node.cut };
  // The DS of a delegation is the parent's own (RFC 4035 section 3.1.4.1).
  if (node.place === 'cut' && type !== recordType.DS) return { kind: 'referral', node };
  return { kind: 'node', node, isWildcard: false };
}
