import { isIP } from 'node:net';
import { z } from 'zod';
import { isReachableByDevices } from '../../base/address-use.ts';
import { type HostPort, parseHostPort } from '../../base/addresses.ts';
import { type CidrBlock, parseCidr } from '../../base/cidr.ts';

// Every `error` text is the second half of "expected …".

export const nonEmptyText = z.string().min(1);

const nameExpectation =
  'a name of 1 to 128 characters without | and /, without control characters and without spaces at its ends';

/** A name that stands in the hash formula, in URL paths and in metric labels. */
export const nameText = z
  .string()
  .refine(isName, { error: nameExpectation })
  .meta({ minLength: 1, maxLength: 128, pattern: '^[^|/]+$' });

export const saltText = z
  .string()
  .refine((salt) => salt !== '' && !/[|/]/.test(salt), { error: 'text that is not empty, without | and /' })
  .meta({ minLength: 1, pattern: '^[^|/]+$' });

/** A file's path; relative ones are relative to the configuration file. */
export const filePath = z
  .string()
  .refine((path) => path !== '' && !path.includes('\0'), { error: 'the path of a file' });

export const bindAddress = z
  .string()
  .transform((text, context): HostPort => {
    const bind = parseHostPort(text);
    if (bind.ok && (isIP(bind.value.host) !== 0 || bind.value.host === 'localhost')) return bind.value;
    context.addIssue({ code: 'custom', message: 'an IP address and port such as "0.0.0.0:8883" or "[::]:8883"' });
    return z.NEVER;
  })
  .meta({ description: 'IP address and port, for example 0.0.0.0:8883 or [::]:8883; port 0 binds a free one' });

export const cidrBlock = z.string().transform((text, context): CidrBlock => {
  const block = parseCidr(text);
  if (block.ok) return block.value;
  context.addIssue({ code: 'custom', message: 'a network such as 198.51.100.0/24 or 2001:db8::/32' });
  return z.NEVER;
});

/** An address that devices are sent to. */
export const servedAddress = z
  .string()
  .refine((text) => isIP(text) !== 0, { error: 'an IPv4 or IPv6 address', abort: true })
  .refine((text) => isReachableByDevices(text, { allowsLoopback: true }), {
    error: 'an address of one host (not unspecified, broadcast or multicast)',
  });

export const domainName = z.string().refine(isDomainName, {
  error: 'a DNS name such as mqtt.example.com (labels of 1 to 63 letters, digits, hyphens or underscores)',
});

export const portNumber = wholeNumber(1, 65_535);

/** A whole number with both ends; every way to be wrong gets the same words. */
export function wholeNumber(minimum: number, maximum: number): z.ZodInt {
  const error = `a whole number from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

/** A number with both ends, fractions allowed. */
export function numberBetween(minimum: number, maximum: number): z.ZodNumber {
  const error = `a number from ${minimum} to ${maximum}`;
  return z.number({ error }).min(minimum, { error }).max(maximum, { error });
}

export function isDomainName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  // A name that ends in digits alone is a mistyped IPv4 address (RFC 3696 section 2).
  if (name.length === 0 || name.length > 253 || /(^|\.)\d+$/.test(name)) return false;
  return name.split('.').every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
}

function isName(name: string): boolean {
  if (name.length === 0 || name.length > 128 || name.trim() !== name) return false;
  // `.` and `..` vanish from URL paths; `__proto__` is no ordinary key of an object.
  if (name === '.' || name === '..' || name === '__proto__') return false;
  return !/[|/\p{Cc}]/u.test(name);
}
