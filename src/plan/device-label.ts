/** RFC 1035 section 2.3.4: octets of one label. */
const labelOctets = 63;
const encodedPrefix = 'x--';
/** RFC 4648 section 7, lower case: DNS compares without case. */
const base32hexDigits = '0123456789abcdefghijklmnopqrstuv';

/**
 * The labels of a device's own DNS name, leftmost first (contract section 1): the key itself where it is a host label
 * already, else `x--` and the base32hex of its UTF-8, cut into labels of 63. Injective over well-formed strings.
 */
export function deviceLabels(key: string): readonly string[] {
  if (isPlainLabel(key)) return [key];
  const encoded = encodedPrefix + encodeBase32hex(new TextEncoder().encode(key));
  return encoded.match(new RegExp(`.{1,${labelOctets}}`, 'g')) ?? [encoded];
}

/** The key whose labels these are, in any case; undefined when no key has them. */
export function keyOfDeviceLabels(labels: readonly string[]): string | undefined {
  const text = labels.join('').toLowerCase();
  const key = text.startsWith(encodedPrefix) ? decodeKey(text.slice(encodedPrefix.length)) : text;
  if (key === undefined || key === '') return undefined;
  // Only the spelling that deviceLabels gives names the device: one device has one name.
  const canonical = deviceLabels(key);
  const isCanonical =
    canonical.length === labels.length && canonical.every((label, index) => label === labels[index]?.toLowerCase());
  return isCanonical ? key : undefined;
}

/**
 * Whether further labels to the left of these can make the name of a device. It says so of some that no key ends with:
 * the octets that their digits stand for are not looked at.
 */
export function canEndDeviceLabels(labels: readonly string[]): boolean {
  return labels.every((label, index) => {
    const isFull = label.length === labelOctets;
    return (isFull || index === labels.length - 1) && /^[0-9a-v]+$/i.test(label);
  });
}

function isPlainLabel(key: string): boolean {
  return key.length <= labelOctets && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(key) && !key.startsWith(encodedPrefix);
}

function encodeBase32hex(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    bitCount += 8;
    for (; bitCount >= 5; bitCount -= 5) text += base32hexDigits.charAt((bits >>> (bitCount - 5)) & 31);
    bits &= (1 << bitCount) - 1;
  }
  return bitCount === 0 ? text : text + base32hexDigits.charAt((bits << (5 - bitCount)) & 31);
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeKey(text: string): string | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let bitCount = 0;
  for (const character of text) {
    const digit = base32hexDigits.indexOf(character);
    if (digit < 0) return undefined;
    bits = (bits << 5) | digit;
    bitCount += 5;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes.push(bits >>> bitCount);
    bits &= (1 << bitCount) - 1;
  }
  try {
    return strictDecoder.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}
