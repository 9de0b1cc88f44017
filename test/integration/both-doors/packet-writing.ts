/**
 * The bytes of MQTT packets, written by hand and of nobody's encoder: what is malformed has to be writable, and an encoder
 * of the gateway, or one that its tests use elsewhere, would hide its own mistakes.
 */
export type Version = '3.1' | '3.1.1' | '5';

export type Part = Buffer | number | string;

/** Buffers as they are, numbers as one byte, strings as UTF-8 without a length. */
export function bytes(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.from([part]) : typeof part === 'string' ? Buffer.from(part) : part,
    ),
  );
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export function u32(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(value);
  return field;
}

export function variable(value: number): Buffer {
  const field: number[] = [];
  let rest = value;
  do {
    field.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(field);
}

/** A field with two bytes of length: text or binary. */
export function field(content: string | Buffer): Buffer {
  const body = Buffer.from(content as string);
  return Buffer.concat([u16(body.length), body]);
}

export function packet(firstByte: number, ...parts: readonly Part[]): Buffer {
  const body = bytes(...parts);
  return bytes(firstByte, variable(body.length), body);
}

/** A property list with its length. */
export function list(...properties: readonly Buffer[]): Buffer {
  const body = Buffer.concat(properties);
  return bytes(variable(body.length), body);
}

export const property = {
  payloadFormat: (value: number) => bytes(0x01, value),
  messageExpiry: (seconds: number) => bytes(0x02, u32(seconds)),
  contentType: (text: string | Buffer) => bytes(0x03, field(text)),
  responseTopic: (text: string | Buffer) => bytes(0x08, field(text)),
  correlationData: (data: string | Buffer) => bytes(0x09, field(data)),
  subscriptionIdentifier: (value: number) => bytes(0x0b, variable(value)),
  sessionExpiry: (seconds: number) => bytes(0x11, u32(seconds)),
  assignedClientId: (text: string) => bytes(0x12, field(text)),
  serverKeepAlive: (seconds: number) => bytes(0x13, u16(seconds)),
  authenticationMethod: (text: string) => bytes(0x15, field(text)),
  authenticationData: (data: string) => bytes(0x16, field(data)),
  requestProblem: (value: number) => bytes(0x17, value),
  willDelay: (seconds: number) => bytes(0x18, u32(seconds)),
  requestResponse: (value: number) => bytes(0x19, value),
  responseInformation: (text: string) => bytes(0x1a, field(text)),
  serverReference: (text: string) => bytes(0x1c, field(text)),
  reasonString: (text: string) => bytes(0x1f, field(text)),
  receiveMaximum: (value: number) => bytes(0x21, u16(value)),
  topicAliasMaximum: (value: number) => bytes(0x22, u16(value)),
  topicAlias: (value: number) => bytes(0x23, u16(value)),
  maximumQos: (value: number) => bytes(0x24, value),
  retainAvailable: (value: number) => bytes(0x25, value),
  userProperty: (name: string | Buffer, value: string | Buffer) => bytes(0x26, field(name), field(value)),
  maximumPacketSize: (value: number) => bytes(0x27, u32(value)),
  wildcardAvailable: (value: number) => bytes(0x28, value),
  identifiersAvailable: (value: number) => bytes(0x29, value),
  sharedAvailable: (value: number) => bytes(0x2a, value),
} as const;

export interface WillFields {
  readonly topic: string | Buffer;
  readonly payload?: string | Buffer;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly properties?: readonly Buffer[];
}

export interface ConnectOptions {
  readonly clientId?: string | Buffer;
  /** Default: true. */
  readonly clean?: boolean;
  /** Seconds; default 60. */
  readonly keepAlive?: number;
  readonly properties?: readonly Buffer[];
  readonly will?: WillFields;
  readonly username?: string | Buffer;
  readonly password?: string | Buffer;
  /** Instead of what the fields make. */
  readonly flags?: number;
  readonly name?: string;
  readonly level?: number;
}

export function connect(version: Version, options: ConnectOptions = {}): Buffer {
  const { clientId = '', clean = true, keepAlive = 60, will, username, password } = options;
  const willFlags = will === undefined ? 0 : 0x04 | ((will.qos ?? 0) << 3) | (will.retain === true ? 0x20 : 0);
  const flags =
    (clean ? 0x02 : 0) | willFlags | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40);
  const five = (...properties: readonly Buffer[]) => (version === '5' ? [list(...properties)] : []);
  return packet(
    0x10,
    field(options.name ?? (version === '3.1' ? 'MQIsdp' : 'MQTT')),
    options.level ?? { '3.1': 3, '3.1.1': 4, '5': 5 }[version],
    options.flags ?? flags,
    u16(keepAlive),
    ...five(...(options.properties ?? [])),
    field(clientId),
    ...(will === undefined
      ? []
      : [...five(...(will.properties ?? [])), field(will.topic), field(will.payload ?? 'will')]),
    ...(username === undefined ? [] : [field(username)]),
    ...(password === undefined ? [] : [field(password)]),
  );
}

export interface PublishOptions {
  readonly topic: string | Buffer;
  readonly payload?: string | Buffer;
  readonly qos?: number;
  readonly id?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly properties?: readonly Buffer[];
}

export function publish(version: Version, options: PublishOptions): Buffer {
  const { topic, payload = 'payload', qos = 0, id, dup = false, retain = false, properties = [] } = options;
  return packet(
    0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0),
    field(topic),
    ...(id === undefined ? [] : [u16(id)]),
    ...(version === '5' ? [list(...properties)] : []),
    payload,
  );
}

export function subscribe(
  version: Version,
  id: number,
  filters: readonly (readonly [filter: string | Buffer, options: number])[],
  properties: readonly Buffer[] = [],
): Buffer {
  const five = version === '5' ? [list(...properties)] : [];
  return packet(0x82, u16(id), ...five, ...filters.flatMap(([filter, options]) => [field(filter), options]));
}

export function unsubscribe(
  version: Version,
  id: number,
  filters: readonly (string | Buffer)[],
  properties: readonly Buffer[] = [],
): Buffer {
  const five = version === '5' ? [list(...properties)] : [];
  return packet(0xa2, u16(id), ...five, ...filters.map((filter) => field(filter)));
}

export const acknowledge = {
  puback: (id: number, ...more: readonly Part[]) => packet(0x40, u16(id), ...more),
  pubrec: (id: number, ...more: readonly Part[]) => packet(0x50, u16(id), ...more),
  pubrel: (id: number, ...more: readonly Part[]) => packet(0x62, u16(id), ...more),
  pubcomp: (id: number, ...more: readonly Part[]) => packet(0x70, u16(id), ...more),
} as const;

export const pingreq = hex('c000');
export const disconnect = hex('e000');
