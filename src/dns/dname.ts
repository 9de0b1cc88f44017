import type { RecordSet } from './record-set.ts';
import { recordType } from './record-type.ts';
import { longestNameOctets, type WireName } from './wire-name.ts';

/**
 * The CNAME that a DNAME means for a name below its owner (RFC 6672 section 2.2); undefined when the name it leads to is
 * longer than a name may be.
 */
export function synthesizeCname(dname: RecordSet, name: WireName): RecordSet | undefined {
  const [target] = dname.rdatas;
  const front = name.length - dname.owner.length;
  if (target === undefined || front + target.length > longestNameOctets) return undefined;
  const substituted = new Uint8Array(front + target.length);
  substituted.set(name.subarray(0, front));
  substituted.set(target, front);
  return { owner: name, type: recordType.CNAME, ttl: dname.ttl, rdatas: [substituted] };
}
