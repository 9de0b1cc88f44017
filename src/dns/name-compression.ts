import { recordType } from './record-type.ts';
import { nameKey, type WireName } from './wire-name.ts';

const pointerMark = 0xc000;
/** A pointer has 14 bits. */
const pointerReach = 0x4000;

/**
 * Where names of RFC 1035 stand in the rdata of a type, the only ones that may be compressed (RFC 3597 section 4):
 * octets before the first name, and how many names follow each other. What stands behind them is copied.
 */
const namesByType: ReadonlyMap<number, { readonly before: number; readonly names: number }> = new Map([
  [recordType.NS, { before: 0, names: 1 }],
  [recordType.MD, { before: 0, names: 1 }],
  [recordType.MF, { before: 0, names: 1 }],
  [recordType.CNAME, { before: 0, names: 1 }],
  [recordType.SOA, { before: 0, names: 2 }],
  [recordType.MB, { before: 0, names: 1 }],
  [recordType.MG, { before: 0, names: 1 }],
  [recordType.MR, { before: 0, names: 1 }],
  [recordType.PTR, { before: 0, names: 1 }],
  [recordType.MINFO, { before: 0, names: 2 }],
  [recordType.MX, { before: 2, names: 1 }],
]);

/** The names of one message by what they end in, so that later ones point to earlier ones (RFC 1035 section 4.1.4). */
export interface NameCompression {
  /** Remembers a name that stands at `at`. */
  remember(name: WireName, at: number): void;
  /** Writes a name at `at`, its longest known end as a pointer; returns where it ends. */
  writeName(into: Uint8Array, at: number, name: WireName): number;
  /** Writes rdata at `at`, compressing the names that may be; returns where it ends. */
  writeRdata(into: Uint8Array, at: number, type: number, rdata: Uint8Array): number;
}

export function createNameCompression(): NameCompression {
  const offsetByEnd = new Map<string, number>();

  function remember(name: WireName, at: number): void {
    const key = nameKey(name);
    for (let from = 0; (name[from] ?? 0) !== 0 && at + from < pointerReach; from += 1 + (name[from] ?? 0)) {
      const end = key.slice(from);
      if (offsetByEnd.has(end)) return;
      offsetByEnd.set(end, at + from);
    }
  }

  function writeName(into: Uint8Array, at: number, name: WireName): number {
    const key = nameKey(name);
    for (let from = 0; (name[from] ?? 0) !== 0; from += 1 + (name[from] ?? 0)) {
      const end = key.slice(from);
      const known = offsetByEnd.get(end);
      if (known !== undefined) {
        into.set(name.subarray(0, from), at);
        into[at + from] = (pointerMark | known) >>> 8;
        into[at + from + 1] = known;
        return at + from + 2;
      }
      if (at + from < pointerReach) offsetByEnd.set(end, at + from);
    }
    into.set(name, at);
    return at + name.length;
  }

  function writeRdata(into: Uint8Array, at: number, type: number, rdata: Uint8Array): number {
    const form = namesByType.get(type);
    if (form === undefined) {
      into.set(rdata, at);
      return at + rdata.length;
    }
    into.set(rdata.subarray(0, form.before), at);
    let from = form.before;
    let end = at + form.before;
    for (let index = 0; index < form.names; index += 1) {
      const name = nameAt(rdata, from);
      if (name === undefined) break;
      end = writeName(into, end, name);
      from += name.length;
    }
    into.set(rdata.subarray(from), end);
    return end + rdata.length - from;
  }

  return { remember, writeName, writeRdata };
}

/** The uncompressed name at `from`; undefined where the rdata (RFC 3597 lets a zone say anything) has none there. */
function nameAt(rdata: Uint8Array, from: number): WireName | undefined {
  let at = from;
  for (;;) {
    const length = rdata[at] ?? 0xff;
    at += 1 + length;
    if (length > 63 || at > rdata.length) return undefined;
    if (length === 0) return rdata.subarray(from, at);
  }
}
