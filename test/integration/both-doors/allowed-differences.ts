/** Cases that may end otherwise at the gateway than at Mosquitto 2.0.11, and why that is right. */
export interface AllowedDifference {
  /** The clause by which the gateway is right. */
  readonly clause: string;
  /** Of the case's label, which begins with the version. */
  readonly cases: RegExp;
  /**
   * `says`: the gateway gives a reason where the broker closes without a word. `closes`: it ends the connection where the
   * broker goes on. `otherwise`: both go on, or both end, with `atBroker` and `atGateway` in the place where they part.
   * `repeats`: the broker closes for a packet, and gets it once more before the device is closed: its will comes again, and
   * the device's pings are answered as long. QoS 0 is not sent again, and its device stays.
   */
  readonly kind: 'says' | 'closes' | 'otherwise' | 'repeats';
  readonly atBroker?: RegExp;
  readonly atGateway?: RegExp;
}

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    clause: 'MQTT 5 §4.13.1: DISCONNECT with the reason should, CONNACK with it may go before the close',
    cases: /^5: |first of all CONNECT of MQTT 5/,
    kind: 'says',
  },
  { clause: '[MQTT-3.1.4-3], 0x8E at a take-over', cases: /^5: .*(a second time|take-over)/, kind: 'says' },
  {
    clause: '[MQTT-1.5.5-1]',
    cases: /^5: .*(takes more bytes than it needs|with a length of two bytes|a length of four bytes)/,
    kind: 'closes',
  },
  {
    clause: '[MQTT-2.1.3-1], [MQTT-3.1.1 2.2.2-2]: reserved flags; MQTT 5 §3.12.1: PINGREQ has no body; [MQTT-4.8.0-1]',
    cases: /PINGREQ with (a body|flags)|with flag \d changed/,
    kind: 'closes',
  },
  {
    clause: 'MQTT 5 §2.1.2, MQTT 3.1.1 §2.2.1: not a client’s to send; [MQTT-4.8.0-1]',
    cases: /(PINGRESP|SUBACK|SUBACK of MQTT 5) when connected|an UNSUBACK of our own/,
    kind: 'closes',
  },
  {
    clause: '[MQTT-3.14.2-1], MQTT 5 §3.14.2.2.5: what a client may say in its DISCONNECT',
    cases: /^5: DISCONNECT with (an unknown reason|reason 0x8b|a Server Reference)/,
    kind: 'closes',
  },
  { clause: 'MQTT 5 §3.1.2.11.10', cases: /Authentication Data without a method/, kind: 'closes' },
  { clause: '[MQTT-3.3.1-2]', cases: /DUP at QoS 0/, kind: 'closes' },
  { clause: 'MQTT 5 §3.3.2.3.2: 0 or 1', cases: /Payload Format Indicator 2/, kind: 'closes' },
  { clause: '[MQTT-3.3.2-14], [MQTT-4.7.3-1]', cases: /(an empty Response Topic|Response Topic with)/, kind: 'closes' },
  { clause: '[MQTT-3.3.4-6]', cases: /^5: §3.3.2.3 a Subscription Identifier/, kind: 'closes' },
  {
    clause: '[MQTT-4.8.2-1], [MQTT-4.8.2-2]',
    cases: /^5: (UN)?SUBSCRIBE (to|from) '\$share\/(|g|g\/|\/a)'/,
    kind: 'closes',
  },
  { clause: '[MQTT-3.8.3-4]', cases: /No Local on a shared subscription/, kind: 'closes' },
  {
    clause: 'MQTT 3.1 §3.8, §3.10: QoS 1 in the header, and at least one topic',
    cases: /^3\.1: (UN)?SUBSCRIBE (with first byte|without a filter)/,
    kind: 'closes',
  },
  {
    clause: 'MQTT 3.1 §2.5: strings are UTF-8',
    cases: /^3\.1: .* a username (that is not UTF-8|with U\+0000)/,
    kind: 'closes',
  },
  {
    clause: 'MQTT 3.1.1 §3.4 to §3.7: the remaining length is 2; [MQTT-4.8.0-1]',
    cases: /^3\.1(\.1)?: PUB\w+ with (one|two|three) bytes? more/,
    kind: 'closes',
  },
  {
    clause:
      '[MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1]: reasons that the packet has; bytes behind the list',
    cases: /^5: PUB\w+ with (reason 0x|three bytes more)/,
    kind: 'closes',
  },
  {
    clause:
      'MQTT 5 §3.2.2.3.14: Server Keep Alive is the broker’s to ask for, and the gateway has asked it in the device’s place',
    cases: /^5: keep alive 0/,
    kind: 'otherwise',
    atBroker: /^a: 200c00000922000a13ffff210014$/,
    atGateway: /^a: 200900000622000a210014$/,
  },
  {
    clause: 'MQTT 5 §4.13.1: 0x81 or 0x82',
    cases: /^5: packet type 0 when connected/,
    kind: 'otherwise',
    atBroker: /^a: e00182$/,
    atGateway: /^a: e00181$/,
  },
  {
    clause: '[MQTT-3.3.4-7] and the paragraph behind it: DISCONNECT with 0x93',
    cases: /more QoS 2 than the broker’s Receive Maximum/,
    kind: 'otherwise',
    atBroker: /^a: 5003001597$/,
    atGateway: /^a: e00193$/,
  },
  {
    clause: '[MQTT-3.2.2-15]: Maximum Packet Size, which Mosquitto compares with the Remaining Length or not at all',
    cases: /^5: max_packet_size/,
    kind: 'closes',
  },
  {
    clause: 'MQTT 3.1.1 §3.2.2.3: the broker closed without an answer, the gateway says that it is unavailable',
    cases: /^3.*: max_qos 1 and retain_available false: a will with/,
    kind: 'otherwise',
    atBroker: /^a: closed$/,
    atGateway: /^a: 20020003$/,
  },
  {
    clause: '[MQTT-3.1.2-2] leaves it to the server which versions it takes: a bridge’s MQTT 5 is one',
    cases: /^5: a bridge’s level/,
    kind: 'otherwise',
    atBroker: /^a: closed$/,
    atGateway: /^a: 200900000622000a210014$/,
  },
  {
    clause: '[MQTT-2.2.1-3]: an identifier in use is not the client’s to use; the gateway loses neither message',
    cases: /a QoS 1 PUBLISH on the identifier of an open QoS 2 exchange/,
    kind: 'otherwise',
    atBroker: /^a: 70020003$/,
    atGateway: /^a: 301[45]000b/,
  },
  {
    clause:
      'docs/decisions/0009: a broker that is lost is attached again, and what it did not acknowledge is sent again',
    cases:
      /^3\.1(\.1)?: (PUBLISH: a topic (with (control |non-)characters|of [23]\d\d levels)|(UN)?SUBSCRIBE (to|from) |max_packet_size 2000|max_qos 1)/,
    kind: 'repeats',
  },
];

/** What keeps the doors from being the same and is not right yet, by the case's label. */
export const openDifferences: readonly { readonly cases: RegExp; readonly problem: string }[] = [
  {
    cases: /^3.*(takes more bytes than it needs|with a length of two bytes|a length of four bytes)/,
    problem: 'before MQTT 5 no rule asks for the fewest bytes of a Remaining Length (MQTT 3.1.1 §2.2.3)',
  },
  {
    cases: /of 65535 bytes$/,
    problem: 'a CONNECT above limits.connectPacketBytes is closed though its fields are legal',
  },
  { cases: /SUBSCRIBE to the same filter twice/, problem: 'both codes are those of the second' },
  { cases: /a QoS 2 PUBLISH with DUP twice in one segment/, problem: 'one PUBREC for two PUBLISH' },
];

/** What is not allowed of the difference; undefined: it is as it may be. */
export function judgeDifference(
  allowed: AllowedDifference,
  atBroker: readonly string[],
  atGateway: readonly string[],
): string | undefined {
  const parts = atGateway.findIndex((line, index) => line !== atBroker[index]);
  switch (allowed.kind) {
    case 'says': {
      const rest = withoutReasons(atGateway);
      return JSON.stringify(rest) === JSON.stringify(atBroker) ? undefined : 'more than a reason is new';
    }
    case 'closes':
      return endsEarly(atBroker, atGateway) ? undefined : 'the connection is not just closed';
    case 'otherwise': {
      const isSo = allowed.atBroker?.test(atBroker[parts] ?? '') && allowed.atGateway?.test(atGateway[parts] ?? '');
      return isSo ? undefined : 'the doors part otherwise than allowed';
    }
    case 'repeats':
      return isRepeated(atBroker, atGateway) ? undefined : 'more than a repetition is new';
  }
}

/** The broker closes, and but for pings, their answers and the will the device sees nothing else. */
function isRepeated(atBroker: readonly string[], atGateway: readonly string[]): boolean {
  const said = (lines: readonly string[]) =>
    new Set(lines.filter((line) => !/^\w+: (9003fff000|d000|closed)$/.test(line)));
  const broker = said(atBroker);
  const gateway = said(atGateway);
  return (
    atBroker.includes('a: closed') && gateway.size <= broker.size && [...gateway].every((line) => broker.has(line))
  );
}

const reasonLine = /^\w+: (e001[89a][0-9a-f]|2003008[0-9a-f]00)$/;

function withoutReasons(lines: readonly string[]): readonly string[] {
  return lines.filter((line, index) => !(reasonLine.test(line) && (lines[index + 1] ?? '').endsWith(': closed')));
}

/** Of the client `a`: the same up to the packet in question, then a reason in MQTT 5, and the end. */
function endsEarly(atBroker: readonly string[], atGateway: readonly string[]): boolean {
  const broker = atBroker.filter((line) => line.startsWith('a: '));
  const gateway = withoutReasons(atGateway.filter((line) => line.startsWith('a: ')));
  const parts = gateway.findIndex((line, index) => line !== broker[index]);
  // The same for `a`: what others saw differs, a will.
  return parts < 0 || gateway[parts] === 'a: closed';
}
