import { recordType } from './record-type.ts';
import { lowerOctet, type WireName } from './wire-name.ts';

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

/** Ends of names that are remembered in one message; a usual answer has ten, and looking through more costs more. */
const mostEnds = 64;

/** The names of one message by what they end in, so that later ones point to earlier ones (RFC 1035 section 4.1.4). */
export interface NameCompression {
  /** Forgets the message before. */
  begin(): void;
  /** Remembers a name that stands at `at`. */
  remember(name: WireName, at: number): void;
  /** Writes a name at `at`, its longest known end as a pointer; returns where it ends. */
  writeName(into: Uint8Array, at: number, name: WireName): number;
  /** Writes rdata at `at`, compressing the names that may be; returns where it ends. */
  writeRdata(into: Uint8Array, at: number, type: number, rdata: Uint8Array): number;
}

/** Part of a name from a label on, and where it stands in the message. */
interface NameEnd {
  name: WireName;
  from: number;
  at: number;
}

export function createNameCompression(): NameCompression {
  const ends: NameEnd[] = [];
  let endCount = 0;

  function addEnd(name: WireName, from: number, at: number): void {
    if (endCount >= mostEnds || at >= pointerReach) return;
    const end = ends[endCount];
    if (end === undefined) ends.push({ name, from, at });
    else {
      end.name = name;
      end.from = from;
      end.at = at;
    }
    endCount += 1;
  }

  /** Where this end of a name stands; below 0: nowhere yet. */
  function placeOf(name: WireName, from: number): number {
    const length = name.length - from;
    for (let index = 0; index < endCount; index += 1) {
      const end = ends[index];
      if (end !== undefined && end.name.length - end.from === length && isSameEnd(end.name, end.from, name, from)) {
        return end.at;
      }
    }
    return -1;
  }

  function remember(name: WireName, at: number): void {
    for (let from = 0; (name[from] ?? 0) !== 0; from += 1 + (name[from] ?? 0)) addEnd(name, from, at + from);
  }

  function writeName(into: Uint8Array, at: number, name: WireName): number {
    let from = 0;
    let place = -1;
    for (; (name[from] ?? 0) !== 0; from += 1 + (name[from] ?? 0)) {
      place = placeOf(name, from);
      if (place >= 0) break;
    }
    for (let index = 0; index < from; index += 1) into[at + index] = name[index] ?? 0;
    for (let label = 0; label < from; label += 1 + (name[label] ?? 0)) addEnd(name, label, at + label);
    if (place < 0) {
      into[at + from] = 0;
      return at + from + 1;
    }
    into[at + from] = (pointerMark | place) >>> 8;
    into[at + from + 1] = place;
    return at + from + 2;
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

  return {
    begin: () => {
      endCount = 0;
    },
    remember,
    writeName,
    writeRdata,
  };
}

function isSameEnd(one: WireName, oneFrom: number, other: WireName, otherFrom: number): boolean {
  for (let at = one.length - oneFrom - 1; at >= 0; at -= 1) {
    const octet = one[oneFrom + at] ?? 0;
    const otherOctet = other[otherFrom + at] ?? 0;
    if (octet !== otherOctet && lowerOctet(octet) !== lowerOctet(otherOctet)) return false;
  }
  return true;
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
