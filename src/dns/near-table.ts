import type { CidrBlock } from '../base/cidr.ts';
import { subnetPrefixLength } from '../plan/subnet-key.ts';
import { type AskingNetwork, addressOctets } from './asking-network.ts';

/** The values of the longest block that holds a network; in the order in which they were given. */
export interface NearTable<Value> {
  /** Undefined when no block holds all of the network. */
  longest(network: AskingNetwork): NearMatch<Value> | undefined;
  /** Bits of the network's address that any answer of `longest` could depend on, if more than a subnet key's. */
  scopeOf(network: AskingNetwork): number;
}

export interface NearMatch<Value> {
  readonly values: readonly Value[];
  readonly prefixLength: number;
}

export interface NearEntry<Value> {
  readonly block: CidrBlock;
  readonly value: Value;
}

/** One look-up for each prefix length that occurs. */
export function createNearTable<Value>(entries: readonly NearEntry<Value>[]): NearTable<Value> {
  const tables = { 4: createFamily<Value>(), 6: createFamily<Value>() };
  for (const { block, value } of entries) {
    const address = addressOctets(block.address);
    // An IPv4-mapped block counts the bits of its IPv4 address.
    const mappedBits = block.address.includes(':') && address.length === 4 ? 96 : 0;
    add(tables[address.length === 4 ? 4 : 6], address, Math.max(0, block.prefixLength - mappedBits), value);
  }
  for (const { lengths } of Object.values(tables)) lengths.sort((one, other) => other - one);
  return {
    longest: ({ address, prefixLength }) => {
      const { lengths, byLength } = tables[address.length === 4 ? 4 : 6];
      for (const length of lengths) {
        if (length > prefixLength) continue;
        const match = byLength.get(length)?.get(prefixKey(address, length));
        if (match !== undefined) return match;
      }
      return undefined;
    },
    scopeOf: ({ address }) => {
      const family = address.length === 4 ? 4 : 6;
      const subnet = subnetPrefixLength[family];
      return tables[family].finest.get(prefixKey(address, subnet)) ?? subnet;
    },
  };
}

interface Family<Value> {
  /** Longest first once the table is made. */
  readonly lengths: number[];
  readonly byLength: Map<number, Map<string, { readonly values: Value[]; readonly prefixLength: number }>>;
  /** For subnets that blocks longer than a subnet key lie in: the longest of them. */
  readonly finest: Map<string, number>;
}

function createFamily<Value>(): Family<Value> {
  return { lengths: [], byLength: new Map(), finest: new Map() };
}

function add<Value>(family: Family<Value>, address: Uint8Array, length: number, value: Value): void {
  const matches = family.byLength.get(length) ?? new Map();
  if (matches.size === 0) {
    family.byLength.set(length, matches);
    family.lengths.push(length);
  }
  const key = prefixKey(address, length);
  const match = matches.get(key) ?? { values: [], prefixLength: length };
  matches.set(key, match);
  if (!match.values.includes(value)) match.values.push(value);
  const subnet = subnetPrefixLength[address.length === 4 ? 4 : 6];
  if (length <= subnet) return;
  const subnetKey = prefixKey(address, subnet);
  family.finest.set(subnetKey, Math.max(length, family.finest.get(subnetKey) ?? 0));
}

/** The first `length` bits, one character an octet. */
function prefixKey(address: Uint8Array, length: number): string {
  const whole = length >> 3;
  let key = '';
  for (let at = 0; at < whole; at += 1) key += String.fromCharCode(address[at] ?? 0);
  const bits = length & 7;
  return bits === 0 ? key : key + String.fromCharCode((address[whole] ?? 0) & (0xff00 >>> bits) & 0xff);
}
