import { type SipHashKey, sipHashKey, writeSipHash } from './siphash.ts';

/** RFC 7873 section 4. */
export const clientCookieOctets = 8;
const shortestServerCookie = 8;
const longestServerCookie = 32;
/** RFC 9018 section 4: version, reserved, timestamp and hash. */
export const serverCookieOctets = 16;
const version = 1;
/** RFC 9018 section 4.3, seconds. */
const longestAge = 3_600;
const furthestAhead = 300;
const hashInputOctets = clientCookieOctets + 8 + 16;

/** What a COOKIE option is worth: only `valid` proves that the asker has the address that it asks from. */
export type CookieState = 'malformed' | 'client-only' | 'invalid' | 'valid';

/**
 * The secrets of server cookies, 16 octets each: new cookies are made with the first, and those of the others are still
 * taken, so that a secret can be replaced on several gateways one after the other (RFC 9018 section 5).
 */
export interface ServerCookies {
  /** `at` and `length` are those of the option's data in `message`; `address` is the asker's, 4 or 16 octets. */
  judge(message: Uint8Array, at: number, length: number, address: Uint8Array, nowSeconds: number): CookieState;
  /** Writes a server cookie for the client cookie at `clientAt` of `message`: 16 octets at `at` of `into`. */
  write(
    into: Uint8Array,
    at: number,
    client: { readonly message: Uint8Array; readonly at: number },
    address: Uint8Array,
    nowSeconds: number,
  ): void;
}

/** RFC 7873 section 5.2.2: a client cookie alone, or with a server cookie of 8 to 32 octets. */
export function isCookieLength(length: number): boolean {
  const serverOctets = length - clientCookieOctets;
  return serverOctets === 0 || (serverOctets >= shortestServerCookie && serverOctets <= longestServerCookie);
}

export function createServerCookies(secrets: readonly [Uint8Array, ...Uint8Array[]]): ServerCookies {
  const [current, ...former] = secrets.map(sipHashKey) as [SipHashKey, ...SipHashKey[]];
  const input = new Uint8Array(hashInputOctets);
  const expected = new Uint8Array(8);

  /** RFC 9018 section 4.4: client cookie, version, reserved, timestamp, address. */
  function fillInput(client: Uint8Array, clientAt: number, address: Uint8Array): number {
    for (let index = 0; index < clientCookieOctets; index += 1) input[index] = client[clientAt + index] ?? 0;
    for (let index = 0; index < address.length; index += 1) input[16 + index] = address[index] ?? 0;
    return 16 + address.length;
  }

  function matches(key: SipHashKey, length: number, message: Uint8Array, hashAt: number): boolean {
    writeSipHash(key, input, length, expected, 0);
    let difference = 0;
    for (let index = 0; index < 8; index += 1) difference |= (expected[index] ?? 0) ^ (message[hashAt + index] ?? 0);
    return difference === 0;
  }

  return {
    judge(message, at, length, address, nowSeconds) {
      if (!isCookieLength(length)) return 'malformed';
      if (length === clientCookieOctets) return 'client-only';
      const serverAt = at + clientCookieOctets;
      if (length !== clientCookieOctets + serverCookieOctets || message[serverAt] !== version) return 'invalid';
      // Serial number arithmetic (RFC 1982): the timestamp is the low 32 bits of the time.
      const age = (nowSeconds - timestampAt(message, serverAt + 4)) | 0;
      if (age > longestAge || age < -furthestAhead) return 'invalid';
      const inputLength = fillInput(message, at, address);
      for (let index = 0; index < 8; index += 1) input[8 + index] = message[serverAt + index] ?? 0;
      const isOurs =
        matches(current, inputLength, message, serverAt + 8) ||
        former.some((key) => matches(key, inputLength, message, serverAt + 8));
      return isOurs ? 'valid' : 'invalid';
    },
    write(into, at, client, address, nowSeconds) {
      const inputLength = fillInput(client.message, client.at, address);
      input[8] = version;
      input.fill(0, 9, 12);
      input[12] = nowSeconds >>> 24;
      input[13] = nowSeconds >>> 16;
      input[14] = nowSeconds >>> 8;
      input[15] = nowSeconds;
      into.set(input.subarray(8, 16), at);
      writeSipHash(current, input, inputLength, into, at + 8);
    },
  };
}

function timestampAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}
