import { failure, type Result, success } from '../../base/result.ts';
import { parseIpv4, parseIpv6, renderIpv4, renderIpv6 } from './addresses.ts';
import { isBase64 } from './binary.ts';
import { decodeEscapes, renderQuoted } from './character-strings.ts';
import { bigEndian } from './integers.ts';
import { parseServiceKey, renderServiceKey, serviceKey } from './service-key.ts';

/** The value of a service parameter, from presentation to wire form and back. */
export interface ServiceValue {
  /** `text` has its escapes still in it; undefined where the key came without `=`. */
  readonly parse: (text: string | undefined) => Result<Uint8Array>;
  /** With the quotes it needs, `''` for no value; undefined when the octets are no such value. */
  readonly render: (octets: Uint8Array) => string | undefined;
}

/** RFC 9460 section 7 and 8, RFC 9461 (dohpath), RFC 9540 (ohttp); any other key is an opaque string. */
export function serviceValueOf(key: number): ServiceValue {
  return valueByKey.get(key) ?? opaque;
}

const flag: ServiceValue = {
  parse: (text) => (text === undefined ? success(new Uint8Array()) : failure(`expected no value, got ${shown(text)}`)),
  render: (octets) => (octets.length === 0 ? '' : undefined),
};

const opaque: ServiceValue = {
  parse: (text) => (text === undefined ? success(new Uint8Array()) : decodeEscapes(text)),
  render: (octets) => (octets.length === 0 ? '' : renderQuoted(octets)),
};

const port: ServiceValue = {
  parse: (text) =>
    text !== undefined && /^\d{1,5}$/.test(text) && Number(text) <= 0xffff
      ? success(bigEndian(Number(text), 2))
      : failure(`expected a port, 0 to 65535, got ${shown(text)}`),
  render: (octets) => (octets.length === 2 ? String(((octets[0] ?? 0) << 8) | (octets[1] ?? 0)) : undefined),
};

const encryptedClientHello: ServiceValue = {
  parse: (text) =>
    text !== undefined && isBase64(text)
      ? success(Uint8Array.from(Buffer.from(text, 'base64')))
      : failure(`expected base64, got ${shown(text)}`),
  render: (octets) => (octets.length === 0 ? undefined : Buffer.from(octets).toString('base64')),
};

/** RFC 9461 section 5: a relative URI template that has the variable `dns`. */
const dohPath: ServiceValue = {
  parse: (text) => {
    const octets = decodeEscapes(text ?? '');
    if (!octets.ok) return octets;
    const template = new TextDecoder().decode(octets.value);
    const hasVariable = template.startsWith('/') && /\{[^}]*\bdns\b[^}]*\}/.test(template);
    return hasVariable ? octets : failure(`expected a path with the variable {?dns}, got ${shown(text)}`);
  },
  render: (octets) => (octets.length === 0 ? undefined : renderQuoted(octets)),
};

const protocols: ServiceValue = {
  parse: (text) => {
    const value = decodeEscapes(text ?? '');
    if (!value.ok) return value;
    const identifiers = splitList(value.value);
    if (identifiers.some((identifier) => identifier.length === 0 || identifier.length > 255)) {
      return failure(`expected protocol identifiers of 1 to 255 octets with commas between, got ${shown(text)}`);
    }
    return success(Uint8Array.from(identifiers.flatMap((identifier) => [identifier.length, ...identifier])));
  },
  render: (octets) => {
    const list: number[] = [];
    for (let at = 0; at < octets.length; ) {
      const end = at + 1 + (octets[at] ?? 0);
      if (end === at + 1 || end > octets.length) return undefined;
      if (at > 0) list.push(comma);
      for (const octet of octets.subarray(at + 1, end)) {
        if (octet === comma || octet === backslash) list.push(backslash);
        list.push(octet);
      }
      at = end;
    }
    return list.length === 0 ? undefined : renderQuoted(Uint8Array.from(list));
  },
};

const mandatory: ServiceValue = {
  parse: (text) => {
    const keys = (text ?? '').split(',').map(parseServiceKey);
    const known = keys.filter((key) => key !== undefined && key !== serviceKey.mandatory).map(Number);
    if (known.length < keys.length || new Set(known).size < keys.length) {
      return failure(`expected keys other than mandatory, each once, with commas between, got ${shown(text)}`);
    }
    return success(Uint8Array.from(known.sort((one, other) => one - other).flatMap((key) => [key >> 8, key & 0xff])));
  },
  render: (octets) => {
    const keys = mandatoryKeys(octets);
    const isAscending = keys.every((key, index) => key > (keys[index - 1] ?? 0));
    return octets.length === 0 || octets.length % 2 !== 0 || !isAscending
      ? undefined
      : keys.map(renderServiceKey).join(',');
  },
};

/** The keys that a value of `mandatory` lists. */
export function mandatoryKeys(octets: Uint8Array): readonly number[] {
  return Array.from({ length: octets.length >> 1 }, (_, index) => {
    return ((octets[2 * index] ?? 0) << 8) | (octets[2 * index + 1] ?? 0);
  });
}

const valueByKey: ReadonlyMap<number, ServiceValue> = new Map([
  [serviceKey.mandatory, mandatory],
  [serviceKey.alpn, protocols],
  [serviceKey['no-default-alpn'], flag],
  [serviceKey.port, port],
  [serviceKey.ipv4hint, addressList('IPv4', 4, parseIpv4, renderIpv4)],
  [serviceKey.ech, encryptedClientHello],
  [serviceKey.ipv6hint, addressList('IPv6', 16, parseIpv6, renderIpv6)],
  [serviceKey.dohpath, dohPath],
  [serviceKey.ohttp, flag],
]);

const comma = 0x2c;
const backslash = 0x5c;

/** RFC 9460 appendix A.1: commas part the items, `\,` and `\\` stand for themselves. */
function splitList(octets: Uint8Array): readonly (readonly number[])[] {
  const items: number[][] = [[]];
  for (let at = 0; at < octets.length; at += 1) {
    const octet = octets[at] ?? 0;
    if (octet === comma) items.push([]);
    else if (octet === backslash && at + 1 < octets.length) items.at(-1)?.push(octets[++at] ?? 0);
    else items.at(-1)?.push(octet);
  }
  return items;
}

function addressList(
  family: string,
  length: number,
  octetsOf: (text: string) => Uint8Array | undefined,
  textOf: (octets: Uint8Array) => string,
): ServiceValue {
  return {
    parse: (text) => {
      const addresses = (text ?? '').split(',').map(octetsOf);
      const known = addresses.filter((address) => address !== undefined);
      if (known.length < addresses.length) {
        return failure(`expected ${family} addresses with commas between, got ${shown(text)}`);
      }
      return success(Uint8Array.from(known.flatMap((address) => [...address])));
    },
    render: (octets) => {
      if (octets.length === 0 || octets.length % length !== 0) return undefined;
      const count = octets.length / length;
      return Array.from({ length: count }, (_, index) => {
        return textOf(octets.subarray(index * length, (index + 1) * length));
      }).join(',');
    },
  };
}

function shown(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text);
}
