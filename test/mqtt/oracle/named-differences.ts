import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';

/**
 * Where the gateway's codec and mqtt-packet 9 judge the same bytes differently, on purpose. `refused`: ours refuses what
 * mqtt-packet takes, and `says` is ours; `accepted`: the other way round, and `says` is mqtt-packet's; `read-otherwise`:
 * both take it and say different things.
 */
export interface NamedDifference {
  readonly name: string;
  readonly clause: string;
  readonly kind: 'refused' | 'accepted' | 'read-otherwise';
  readonly protocols: readonly ProtocolVersion[];
  /** Of what is said in the refusal, or the name of the codec for `read-otherwise`. */
  readonly says: RegExp;
  /** One packet that shows it, in hex, in the first of `protocols`. */
  readonly example: string;
  /** Only for DISCONNECT: who sent the example. */
  readonly sender?: 'server';
}

const all: readonly ProtocolVersion[] = ['3.1.1', '5', '3.1'];
const v5: readonly ProtocolVersion[] = ['5'];
const v31: readonly ProtocolVersion[] = ['3.1'];

const bytesAndLengths: readonly NamedDifference[] = [
  {
    name: 'text that is not UTF-8, which mqtt-packet replaces by U+FFFD',
    clause: '[MQTT-1.5.4-1]',
    kind: 'refused',
    protocols: all,
    says: /^(topic filter|client ID|username|will topic) is not well-formed UTF-8$/,
    example: '8206 0001 0001ff 00',
  },
  {
    name: 'U+0000 in text',
    clause: '[MQTT-1.5.4-2]',
    kind: 'refused',
    protocols: all,
    says: /^(topic filter|client ID|username|will topic) contains U\+0000$/,
    example: '8206 0001 000100 00',
  },
  {
    name: 'a length that is not encoded in the fewest bytes',
    clause: '[MQTT-1.5.5-1]',
    kind: 'refused',
    protocols: all,
    says: /is not encoded in the fewest bytes$/,
    example: '408200 0001',
  },
  {
    name: 'bytes behind the last field',
    clause: 'MQTT 5 §1.2, Malformed Packet',
    kind: 'refused',
    protocols: all,
    says: /^\d+ bytes stand behind the last field$/,
    example: '4003 0001 00',
  },
  {
    name: 'a fixed field that is cut short, which mqtt-packet reads as -1 or not at all',
    clause: 'MQTT 5 §1.2, Malformed Packet',
    kind: 'refused',
    protocols: all,
    says: /^(packet identifier|acknowledge flags|code|keep alive|.*properties length) needs \d bytes, \d are left$/,
    example: '4001 00',
  },
  {
    name: 'packet identifier 0',
    clause: '[MQTT-2.2.1-3]',
    kind: 'refused',
    protocols: all,
    says: /^the packet identifier is 0$/,
    example: '4002 0000',
  },
];

const propertyLists: readonly NamedDifference[] = [
  {
    name: 'a property of another packet type',
    clause: 'MQTT 5 §2.2.2.2',
    kind: 'refused',
    protocols: v5,
    says: /property 0x[0-9a-f]+ does not belong there$/,
    example: '4006 0001 00 02 0101',
  },
  {
    name: 'a property value that is cut short, overruns its list, or is text that is not well-formed',
    clause: '[MQTT-1.5.4-1], MQTT 5 §2.2.2',
    kind: 'refused',
    protocols: v5,
    says: /property 0x[0-9a-f]+ is cut short or not well-formed$/,
    example: '4008 0001 00 04 1f0001ff',
  },
  {
    name: 'a property given twice that may stand once',
    clause: 'MQTT 5 §3.4.2.2.2 and its like',
    kind: 'refused',
    protocols: v5,
    says: /property 0x[0-9a-f]+ is given twice$/,
    example: '400a 0001 00 06 1f0000 1f0000',
  },
  {
    name: 'two Subscription Identifiers in one SUBSCRIBE',
    clause: 'MQTT 5 §3.8.2.1.2',
    kind: 'refused',
    protocols: v5,
    says: /^two subscription identifiers$/,
    example: '820b 0001 04 0b010b02 000161 00',
  },
  {
    name: 'a flag property that is neither 0 nor 1',
    clause: 'MQTT 5 §3.1.2.11.7 and its like',
    kind: 'refused',
    protocols: v5,
    says: /property 0x[0-9a-f]+ must be 0 or 1$/,
    example: '2005 00 00 02 2502',
  },
  {
    name: 'Receive Maximum, Maximum Packet Size or Subscription Identifier 0',
    clause: 'MQTT 5 §3.1.2.11.3, §3.1.2.11.4, §3.8.2.1.2',
    kind: 'refused',
    protocols: v5,
    says: /property 0x[0-9a-f]+ must not be 0$/,
    example: '2006 00 00 03 210000',
  },
  {
    name: 'a Response Topic that is no topic name',
    clause: '[MQTT-3.3.2-14]',
    kind: 'refused',
    protocols: v5,
    says: /property 0x8 must be a topic name$/,
    example: '1019 00044d515454 05 06 0000 00 000161 04 080001 2b 000174 000170',
  },
  {
    name: 'authentication data without a method',
    clause: 'MQTT 5 §3.1.2.11.10',
    kind: 'refused',
    protocols: v5,
    says: /^authentication data come without an authentication method$/,
    example: '1012 00044d515454 05 02 0000 04 16000109 000161',
  },
  {
    name: 'user properties that repeat a name, which mqtt-packet groups (their order is lost, an empty value too)',
    clause: '[MQTT-3.3.2-18], the order of user properties',
    kind: 'read-otherwise',
    protocols: v5,
    says: /./,
    example: '4017 0001 00 13 2600016b0000 2600016b000178 260000000176',
  },
];

const connecting: readonly NamedDifference[] = [
  {
    name: 'MQTT with level 3, MQIsdp with level 4 or 5',
    clause: 'MQTT 3.1.1 §3.1.2.2',
    kind: 'refused',
    protocols: all,
    says: /level \d+ is not supported$/,
    example: '100d 00044d515454 03 02 0000 000161',
  },
  {
    name: 'will QoS 3',
    clause: '[MQTT-3.1.2-12]',
    kind: 'refused',
    protocols: all,
    says: /^the will QoS is 3$/,
    example: '1013 00044d515454 04 1e 0000 000161 000174 000170',
  },
  {
    name: 'an empty client ID without Clean Session, or in MQTT 3.1',
    clause: '[MQTT-3.1.3-8] of 3.1.1',
    kind: 'refused',
    protocols: all,
    says: /^the client ID is empty$/,
    example: '100c 00044d515454 04 00 0000 0000',
  },
  {
    name: 'a password without a username in MQTT 3.1.1',
    clause: '[MQTT-3.1.2-22] of 3.1.1',
    kind: 'refused',
    protocols: ['3.1.1'],
    says: /^a password comes without a username$/,
    example: '1010 00044d515454 04 42 0000 000161 000170',
  },
  {
    name: 'a password without a username in MQTT 3.1',
    clause: 'MQTT 3.1 §3.1, user name and password flags',
    kind: 'refused',
    protocols: v31,
    says: /^a password comes without a username$/,
    example: '1012 00064d5149736470 03 42 0000 000161 000170',
  },
  {
    name: 'a will topic that is empty or has a wildcard',
    clause: '[MQTT-4.7.3-1], [MQTT-3.3.2-2]',
    kind: 'refused',
    protocols: all,
    says: /^the topic name (is empty|has a wildcard) of the will$/,
    example: '1013 00044d515454 04 06 0000 000161 00012b 000170',
  },
  {
    name: 'MQTT 3.1 with the unused connect flag set',
    clause: 'MQTT 3.1 §3.1, connect flags',
    kind: 'accepted',
    protocols: v31,
    says: /^Connect flag bit 0 must be 0, but got 1$/,
    example: '100f 00064d5149736470 03 03 0000 000161',
  },
  {
    name: 'MQTT 3.1 with will QoS or retain and no will',
    clause: 'MQTT 3.1 §3.1, connect flags',
    kind: 'accepted',
    protocols: v31,
    says: /^Will (Retain Flag|QoS) must be set to zero when Will Flag is set to 0$/,
    example: '100f 00064d5149736470 03 22 0000 000161',
  },
  {
    name: 'MQTT 3.1 with flags for a username or password that is missing',
    clause: 'MQTT 3.1 §3.1: the remaining length takes precedence',
    kind: 'accepted',
    protocols: v31,
    says: /^Cannot parse (username|password)$/,
    example: '100f 00064d5149736470 03 c2 0000 000161',
  },
  {
    name: 'a reason that CONNACK does not know',
    clause: '[MQTT-3.2.2-8]',
    kind: 'refused',
    protocols: v5,
    says: /^reason 0x[0-9a-f]+ does not belong there$/,
    example: '2003 00 01 00',
  },
  {
    name: 'a CONNACK in the form of MQTT 3 that answers MQTT 5, whose code is then a reason',
    clause: '[MQTT-3.1.2-2] of 3.1.1',
    kind: 'read-otherwise',
    protocols: v5,
    says: /^CONNACK$/,
    example: '2002 00 01',
  },
  {
    name: 'a refusal that claims a session',
    clause: '[MQTT-3.2.2-4]',
    kind: 'read-otherwise',
    protocols: all,
    says: /^CONNACK$/,
    example: '2002 01 05',
  },
  {
    name: 'MQTT 3.1 with something in the reserved byte of CONNACK',
    clause: 'MQTT 3.1 §3.2',
    kind: 'accepted',
    protocols: v31,
    says: /^Invalid connack flags, bits 7-1 must be set to 0$/,
    example: '2002 10 00',
  },
];

const subscribing: readonly NamedDifference[] = [
  {
    name: 'flags on a DISCONNECT of MQTT 3.1',
    clause: 'MQTT 3.1 §3.14: they are not used',
    kind: 'accepted',
    protocols: v31,
    says: /^Invalid header flag bits, must be 0x0 for disconnect packet$/,
    example: 'e100',
  },
  {
    name: 'DUP on a SUBSCRIBE, UNSUBSCRIBE or PUBREL of MQTT 3.1',
    clause: 'MQTT 3.1 §2.1, §3.6, §3.8, §3.10; [MQTT-3.8.1-1] forbids it later',
    kind: 'accepted',
    protocols: v31,
    says: /^Invalid header flag bits, must be 0x2 for (subscribe|unsubscribe|pubrel) packet$/,
    example: '8a06 0001 000161 01',
  },
  {
    name: 'no topic filter',
    clause: '[MQTT-3.8.3-2], [MQTT-3.10.3-2]',
    kind: 'refused',
    protocols: all,
    says: /^there is no topic filter$/,
    example: '8202 0001',
  },
  {
    name: 'an empty topic filter',
    clause: '[MQTT-4.7.3-1]',
    kind: 'refused',
    protocols: all,
    says: /^the topic filter is empty$/,
    example: '8205 0001 0000 00',
  },
  {
    name: 'wildcards that do not fill their level, or # that is not the last',
    clause: '[MQTT-4.7.1-1], [MQTT-4.7.1-2]',
    kind: 'refused',
    protocols: all,
    says: /^([+#] does not fill its level|# is not the last level)$/,
    example: '8207 0001 0002 612b 00',
  },
  {
    name: 'a shared subscription without a name, with a wildcard in it, or without a filter',
    clause: '[MQTT-4.8.2-1], [MQTT-4.8.2-2]',
    kind: 'refused',
    protocols: v5,
    says: /^the share(d subscription has no topic filter| name (is empty|has a wildcard))$/,
    example: '820e 0001 00 0008 2473686172652f61 00',
  },
  {
    name: 'No Local on a shared subscription',
    clause: '[MQTT-3.8.3-4]',
    kind: 'refused',
    protocols: v5,
    says: /^no local on a shared subscription$/,
    example: '8210 0001 00 000a 2473686172652f612f62 04',
  },
  {
    name: 'a SUBACK or UNSUBACK without a code',
    clause: '[MQTT-3.8.4-6], [MQTT-3.11.3-1]',
    kind: 'refused',
    protocols: all,
    says: /^there is no code$/,
    example: '9002 0001',
  },
  {
    name: 'reason 0x8C in the DISCONNECT of a server',
    clause: 'MQTT 5 §2.4, table 2-6',
    kind: 'accepted',
    protocols: v5,
    says: /^Invalid disconnect reason code$/,
    example: 'e001 8c',
    sender: 'server',
  },
  {
    name: 'a DISCONNECT of a client with a reason or property that only a server has',
    clause: 'MQTT 5 §3.14.2.1, table 3-10',
    kind: 'refused',
    protocols: v5,
    says: /^reason 0x[0-9a-f]+ does not belong there$/,
    example: 'e001 8b',
  },
];

export const namedDifferences: readonly NamedDifference[] = [
  ...bytesAndLengths,
  ...propertyLists,
  ...connecting,
  ...subscribing,
];
