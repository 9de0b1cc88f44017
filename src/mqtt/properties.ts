import type { ByteReader } from './byte-reader.ts';

/** MQTT 5 property identifiers (§2.2.2.2), those of the packets that the gateway reads. */
export const propertyId = {
  payloadFormatIndicator: 0x01,
  messageExpiryInterval: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  sessionExpiryInterval: 0x11,
  assignedClientIdentifier: 0x12,
  serverKeepAlive: 0x13,
  authenticationMethod: 0x15,
  authenticationData: 0x16,
  requestProblemInformation: 0x17,
  willDelayInterval: 0x18,
  requestResponseInformation: 0x19,
  responseInformation: 0x1a,
  serverReference: 0x1c,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  topicAliasMaximum: 0x22,
  maximumQos: 0x24,
  retainAvailable: 0x25,
  userProperty: 0x26,
  maximumPacketSize: 0x27,
  wildcardSubscriptionAvailable: 0x28,
  subscriptionIdentifierAvailable: 0x29,
  sharedSubscriptionAvailable: 0x2a,
} as const;

type PropertyKind = 'flag' | 'uint16' | 'uint32' | 'positive-uint16' | 'positive-uint32' | 'utf8' | 'binary' | 'pair';

const kindById: ReadonlyMap<number, PropertyKind> = new Map<number, PropertyKind>([
  [propertyId.payloadFormatIndicator, 'flag'],
  [propertyId.messageExpiryInterval, 'uint32'],
  [propertyId.contentType, 'utf8'],
  [propertyId.responseTopic, 'utf8'],
  [propertyId.correlationData, 'binary'],
  [propertyId.sessionExpiryInterval, 'uint32'],
  [propertyId.assignedClientIdentifier, 'utf8'],
  [propertyId.serverKeepAlive, 'uint16'],
  [propertyId.authenticationMethod, 'utf8'],
  [propertyId.authenticationData, 'binary'],
  [propertyId.requestProblemInformation, 'flag'],
  [propertyId.willDelayInterval, 'uint32'],
  [propertyId.requestResponseInformation, 'flag'],
  [propertyId.responseInformation, 'utf8'],
  [propertyId.serverReference, 'utf8'],
  [propertyId.reasonString, 'utf8'],
  [propertyId.receiveMaximum, 'positive-uint16'],
  [propertyId.topicAliasMaximum, 'uint16'],
  [propertyId.maximumQos, 'flag'],
  [propertyId.retainAvailable, 'flag'],
  [propertyId.userProperty, 'pair'],
  [propertyId.maximumPacketSize, 'positive-uint32'],
  [propertyId.wildcardSubscriptionAvailable, 'flag'],
  [propertyId.subscriptionIdentifierAvailable, 'flag'],
  [propertyId.sharedSubscriptionAvailable, 'flag'],
]);

/** The properties of one packet that are numbers or text; user properties and binary ones are checked and left alone. */
export class Properties {
  readonly #values = new Map<number, number | string>();
  readonly protocolError: string | undefined;

  constructor(values: Map<number, number | string>, protocolError: string | undefined) {
    this.#values = values;
    this.protocolError = protocolError;
  }

  number(id: number): number | undefined {
    const value = this.#values.get(id);
    return typeof value === 'number' ? value : undefined;
  }

  text(id: number): string | undefined {
    const value = this.#values.get(id);
    return typeof value === 'string' ? value : undefined;
  }

  has(id: number): boolean {
    return this.#values.has(id);
  }
}

/**
 * Reads a property list of a packet that allows the identifiers in `allowed`. What is malformed fails the reader;
 * what is well-formed but forbidden (a repeated property, a value out of range) is the result's `protocolError`.
 */
export function decodeProperties(reader: ByteReader, allowed: ReadonlySet<number>, what: string): Properties {
  const length = reader.variableByteInteger(`${what} length`);
  const section = reader.section(length, what);
  const values = new Map<number, number | string>();
  let protocolError: string | undefined;
  while (section.bytesLeft > 0) {
    const id = section.variableByteInteger(`${what} identifier`);
    const kind = allowed.has(id) ? kindById.get(id) : undefined;
    if (kind === undefined) {
      section.fail(`property 0x${id.toString(16)} does not belong in ${what}`);
      break;
    }
    const name = `property 0x${id.toString(16)} of ${what}`;
    if (values.has(id)) protocolError ??= `${name} is given twice`;
    const value = decodeValue(section, kind, name);
    protocolError ??= forbiddenValue(value, kind, name);
    if (kind !== 'pair') values.set(id, value);
  }
  if (section.problem !== undefined) reader.fail(section.problem);
  return new Properties(values, protocolError);
}

function decodeValue(reader: ByteReader, kind: PropertyKind, name: string): number | string {
  switch (kind) {
    case 'flag':
      return reader.uint8(name);
    case 'uint16':
    case 'positive-uint16':
      return reader.uint16(name);
    case 'uint32':
    case 'positive-uint32':
      return reader.uint32(name);
    case 'utf8':
      return reader.utf8(name);
    case 'binary':
      return reader.binary(name).length;
    case 'pair':
      reader.utf8(name);
      return reader.utf8(name);
  }
}

function forbiddenValue(value: number | string, kind: PropertyKind, name: string): string | undefined {
  if (kind === 'flag' && Number(value) > 1) return `${name} must be 0 or 1, it is ${value}`;
  if ((kind === 'positive-uint16' || kind === 'positive-uint32') && value === 0) return `${name} must not be 0`;
  return undefined;
}
