import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import {
  acknowledgementBytes,
  disconnectBytes,
  type ModelPacket,
  noBytes,
  pingreq,
  pingresp,
  publishBytes,
  subackBytes,
  subscribeBytes,
  unsubscribeBytes,
} from './model-packets.ts';

const names = ['', '', '', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBSCRIBE', 'SUBACK'].concat([
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
]);

/** `NAME key=value flag …`, as transcripts write packets. */
export interface PacketWords {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
  /** The same in their order, with repeats. */
  readonly list: readonly (readonly [string, string])[];
}

export function wordsOf(line: string): PacketWords {
  const [name = '', ...rest] = line.trim().split(/\s+/);
  const list = rest.map(cut);
  return { name, values: new Map(list), list };
}

function cut(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}

export function encodeWords({ name, values, list }: PacketWords, protocol: ProtocolVersion): Buffer {
  const number = (key: string) => Number(values.get(key) ?? 0);
  const id = number('id');
  const type = names.indexOf(name);
  const listed = (key: string) => (values.get(key) ?? '').split(',').filter((word) => word !== '');
  switch (name) {
    case 'PUBLISH':
      return publishBytes(protocol, {
        qos: number('qos'),
        dup: values.has('dup'),
        retain: values.has('retain'),
        id,
        topic: values.get('topic') ?? '',
        payload: payloadOf(values.get('payload') ?? ''),
        properties: propertiesOf(list),
      });
    case 'PUBACK':
    case 'PUBREC':
    case 'PUBREL':
    case 'PUBCOMP':
      return acknowledgementBytes(type, id, number('reason'));
    case 'SUBSCRIBE': {
      const filters = listed('filters').map((word) => word.split(':') as [string, string]);
      const options = filters.map(([filter, option]) => [filter, Number(option)] as const);
      return subscribeBytes(protocol, id, options, propertiesOf(list));
    }
    case 'UNSUBSCRIBE':
      return unsubscribeBytes(protocol, id, listed('filters'));
    case 'SUBACK':
    case 'UNSUBACK':
      return subackBytes(protocol, type as 9 | 11, id, listed('codes').map(Number));
    case 'PINGREQ':
      return pingreq;
    case 'PINGRESP':
      return pingresp;
    case 'DISCONNECT':
      return disconnectBytes(protocol, number('reason'));
    default:
      throw new Error(`no packet ${name}`);
  }
}

/** Text, or `N*x` for a long one. */
function payloadOf(word: string): Buffer {
  const repeated = /^(\d+)\*(.)$/.exec(word);
  return Buffer.from(repeated === null ? word : (repeated[2] as string).repeat(Number(repeated[1])));
}

function propertiesOf(list: PacketWords['list']): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of list) {
    if (key === 'expiry') parts.push(integer(0x02, 4, Number(value)));
    if (key === 'alias') parts.push(integer(0x23, 2, Number(value)));
    if (key === 'subscription') parts.push(Buffer.from([0x0b, Number(value)]));
    if (key === 'content-type') parts.push(Buffer.from([0x03]), text(value));
    if (key === 'response-topic') parts.push(Buffer.from([0x08]), text(value));
    if (key === 'user') parts.push(Buffer.from([0x26]), ...value.split(':').map(text));
  }
  return parts.length === 0 ? noBytes : Buffer.concat(parts);
}

function integer(id: number, bytes: number, value: number): Buffer {
  const field = Buffer.alloc(1 + bytes, id);
  field.writeUIntBE(value, 1, bytes);
  return field;
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

export function renderPacket(packet: ModelPacket): string {
  const { type, id, reason, filters, codes, firstByte } = packet;
  const words = [names[type] ?? `type ${type}`];
  if (type === 3) {
    words.push(`qos=${packet.qos}`);
    if ((firstByte & 8) !== 0) words.push('dup');
    if ((firstByte & 1) !== 0) words.push('retain');
  }
  if (id !== 0) words.push(`id=${id}`);
  if (type === 3) words.push(`topic=${packet.topic}`);
  if (filters.length > 0) words.push(`filters=${filters.map((filter) => renderFilter(filter, type)).join(',')}`);
  if (codes.length > 0) words.push(`codes=${codes.map((code) => (code < 0x80 ? code : hex(code))).join(',')}`);
  if (reason !== 0) words.push(`reason=${hex(reason)}`);
  words.push(...renderProperties(packet.properties));
  if (type === 3 && packet.payload.length > 0) words.push(`payload=${renderPayload(packet.payload)}`);
  return words.join(' ');
}

function renderFilter([filter, options]: readonly [string, number], type: number): string {
  return type === 8 ? `${filter}:${options}` : filter;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function renderPayload(payload: Buffer): string {
  const isOne = payload.length > 40 && payload.every((byte) => byte === payload[0]);
  return isOne ? `${payload.length}*${payload.toString('utf8', 0, 1)}` : payload.toString();
}

function renderProperties(list: Buffer): string[] {
  const words: string[] = [];
  let at = 0;
  const takeText = () => {
    const end = at + 2 + list.readUInt16BE(at);
    const value = list.toString('utf8', at + 2, end);
    at = end;
    return value;
  };
  while (at < list.length) {
    const id = list[at++] as number;
    if (id === 0x02) words.push(`expiry=${list.readUInt32BE(at)}`);
    else if (id === 0x23) words.push(`alias=${list.readUInt16BE(at)}`);
    else if (id === 0x0b) words.push(`subscription=${list[at]}`);
    at += id === 0x02 ? 4 : id === 0x23 ? 2 : id === 0x0b ? 1 : 0;
    if (id === 0x03) words.push(`content-type=${takeText()}`);
    else if (id === 0x08) words.push(`response-topic=${takeText()}`);
    else if (id === 0x26) words.push(`user=${takeText()}:${takeText()}`);
    else if (id !== 0x02 && id !== 0x23 && id !== 0x0b) throw new Error(`no name for property ${hex(id)}`);
  }
  return words;
}
