import {
  binaryProperty,
  pairProperty,
  propertyId,
  type RawProperty,
  uint8Property,
  uint16Property,
  uint32Property,
  utf8Property,
} from '../../src/mqtt/properties.ts';

/** MQTT 5 properties as scenarios write them: `receive-maximum=20`, `user-property=name:value`. */
export function parseProperty(name: string, value: string): RawProperty | undefined {
  const id = idByWord.get(name);
  if (id === undefined) return undefined;
  if (bytesById.has(id)) return binaryProperty(id, Buffer.from(value));
  if (id === propertyId.userProperty) {
    const [key = '', text = ''] = value.split(':');
    return pairProperty(id, key, text);
  }
  const width = widthById.get(id);
  if (width === undefined) return utf8Property(id, value);
  return { 1: uint8Property, 2: uint16Property, 4: uint32Property }[width](id, Number(value));
}

export function renderProperty({ id, bytes }: RawProperty): string {
  const word = wordById.get(id) ?? `0x${id.toString(16)}`;
  if (id === propertyId.userProperty) {
    const nameEnd = 2 + bytes.readUInt16BE();
    return `${word}=${bytes.toString('utf8', 2, nameEnd)}:${bytes.toString('utf8', nameEnd + 2)}`;
  }
  const width = widthById.get(id);
  return `${word}=${width === undefined ? bytes.toString('utf8', 2) : bytes.readUIntBE(0, width)}`;
}

const wordById: ReadonlyMap<number, string> = new Map(
  Object.entries(propertyId).map(([name, id]) => [id, name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)]),
);
const idByWord = new Map([...wordById].map(([id, word]) => [word, id]));
const bytesById = new Set<number>([propertyId.correlationData, propertyId.authenticationData]);
const widthById: ReadonlyMap<number, 1 | 2 | 4> = new Map([
  ...([0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a] as const).map((id) => [id, 1] as const),
  ...([0x13, 0x21, 0x22] as const).map((id) => [id, 2] as const),
  ...([0x02, 0x11, 0x18, 0x27] as const).map((id) => [id, 4] as const),
]);
