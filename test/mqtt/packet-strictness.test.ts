import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeAcknowledgement } from '../../src/mqtt/acknowledgement-packet.ts';
import { judgeConnack } from '../../src/mqtt/connack-packet.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { decodeDisconnect } from '../../src/mqtt/disconnect-packet.ts';
import { variableByteInteger } from '../../src/mqtt/packet-bytes.ts';
import type { PacketDecoding } from '../../src/mqtt/packet-fault.ts';
import { decodeSuback, decodeUnsuback, encodeUnsuback } from '../../src/mqtt/suback-packet.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../../src/mqtt/subscribe-packet.ts';

/** The version, the packet in hex, and the reason code of its refusal; 0: it is accepted. */
type Row = readonly [name: string, protocol: ProtocolVersion, hex: string, reason: number];

function judges(
  decode: (packet: Buffer, protocol: ProtocolVersion) => PacketDecoding<unknown>,
  rows: readonly Row[],
): void {
  for (const [name, protocol, hex, reason] of rows) {
    it(`${reason === 0 ? 'accepts' : `refuses with 0x${reason.toString(16)}`} ${name} (${protocol})`, () => {
      const decoded = decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), protocol);
      assert.equal(decoded.ok ? 0 : decoded.error.reason, reason, decoded.ok ? 'accepted' : decoded.error.message);
    });
  }
}

describe('decodeAcknowledgement', () => {
  judges(decodeAcknowledgement, [
    ['PUBACK', '3.1', '4002 0001', 0],
    ['PUBACK', '3.1.1', '4002 ffff', 0],
    ['PUBACK without a reason', '5', '4002 0001', 0],
    ['PUBACK with a reason and no list [§3.4.2.1]', '5', '4003 0001 10', 0],
    ['PUBACK with an empty list', '5', '4004 0001 00 00', 0],
    ['PUBACK with a reason string and user properties', '5', '4013 0001 80 0f 1f000161 2600016b000176 260000', 0x81],
    ['PUBACK with a reason string and a user property', '5', '400f 0001 80 0b 1f000161 2600016b000176', 0],
    ['PUBREC with a failure', '5', '5003 0001 97', 0],
    ['PUBREL', '3.1.1', '6202 0001', 0],
    ['PUBREL sent again with DUP', '3.1', '6a02 0001', 0],
    ['PUBREL sent again with DUP [MQTT-3.6.1-1]', '3.1.1', '6a02 0001', 0x81],
    ['PUBREL sent again with DUP [MQTT-3.6.1-1]', '5', '6a02 0001', 0x81],
    ['PUBREL without its flag [MQTT-3.6.1-1]', '3.1', '6002 0001', 0x81],
    ['PUBCOMP for an identifier that was not found', '5', '7003 0001 92', 0],
    ['flags [MQTT-2.1.3-1]', '5', '4102 0001', 0x81],
    ['DUP on PUBACK', '3.1', '4802 0001', 0x81],
    ['another type', '5', '3002 0001', 0x81],
    ['packet identifier 0 [MQTT-2.2.1-3]', '3.1.1', '4002 0000', 0x82],
    ['a reason before MQTT 5', '3.1.1', '4003 0001 00', 0x81],
    ['half an identifier', '3.1.1', '4001 00', 0x81],
    ['nothing', '5', '', 0x81],
    ['a reason of PUBREL in PUBACK [MQTT-3.4.2-1]', '5', '4003 0001 92', 0x82],
    ['a reason of SUBACK in PUBREC [MQTT-3.5.2-1]', '5', '5003 0001 8f', 0x82],
    ['a reason of PUBACK in PUBREL [MQTT-3.6.2-1]', '5', '6203 0001 10', 0x82],
    ['a reason of PUBACK in PUBCOMP [MQTT-3.7.2-1]', '5', '7003 0001 97', 0x82],
    ['a property of another packet', '5', '4009 0001 00 05 1100000001', 0x81],
    ['two reason strings', '5', '400a 0001 00 06 1f0000 1f0000', 0x82],
    ['a list longer than the packet', '5', '4005 0001 00 02 1f', 0x81],
    ['bytes behind the list', '5', '4005 0001 00 00 00', 0x81],
    ['a longer Remaining Length than needed [MQTT-1.5.5-1]', '5', '408200 0001', 0x81],
  ]);
});

describe('decodeSubscribe', () => {
  judges(decodeSubscribe, [
    ['one filter', '3.1', '8206 0001 000161 02', 0],
    ['DUP', '3.1', '8a06 0001 000161 02', 0],
    ['DUP [MQTT-3.8.1-1]', '3.1.1', '8a06 0001 000161 02', 0x81],
    ['flags 0 [MQTT-3.8.1-1]', '3.1', '8006 0001 000161 02', 0x81],
    ['flags 0 [MQTT-3.8.1-1]', '5', '8007 0001 00 000161 02', 0x81],
    ['RETAIN, which is not used [MQTT 3.1 §3.8]', '3.1', '8306 0001 000161 02', 0],
    ['QoS 2 in its header', '3.1', '8406 0001 000161 02', 0x81],
    ['every option', '5', '8207 0001 00 000161 2e', 0],
    ['an identifier and a user property', '5', '820c 0001 05 0bffffff7f 000161 00', 0],
    ['no filter [MQTT-3.8.3-2]', '3.1.1', '8202 0001', 0x81],
    ['no filter [MQTT-3.8.3-2]', '5', '8203 0001 00', 0x81],
    ['a filter without options', '3.1.1', '8205 0001 000161', 0x81],
    ['QoS 3 [MQTT-3-8.3-4]', '3.1.1', '8206 0001 000161 03', 0x81],
    ['QoS 3 [§3.8.3.1]', '5', '8207 0001 00 000161 03', 0x81],
    ['No Local before MQTT 5 [MQTT-3-8.3-4]', '3.1.1', '8206 0001 000161 04', 0x81],
    ['reserved bits [MQTT-3.8.3-5]', '5', '8207 0001 00 000161 40', 0x81],
    ['the other reserved bit [MQTT-3.8.3-5]', '5', '8207 0001 00 000161 80', 0x81],
    ['retain handling 3 [§3.8.3.1]', '5', '8207 0001 00 000161 30', 0x81],
    ['No Local on a shared subscription [MQTT-3.8.3-4]', '5', '8210 0001 00 000a 2473686172652f732f61 04', 0x82],
    ['a shared subscription', '5', '8210 0001 00 000a 2473686172652f732f61 01', 0],
    ['Subscription Identifier 0 [§3.8.2.1.2]', '5', '8209 0001 02 0b00 000161 00', 0x81],
    ['two Subscription Identifiers [§3.8.2.1.2]', '5', '820b 0001 04 0b010b02 000161 00', 0x82],
    ['a Subscription Identifier of five bytes', '5', '820d 0001 06 0bffffffff01 000161 00', 0x81],
    ['a reason string', '5', '820a 0001 03 1f0000 000161 00', 0x81],
    ['packet identifier 0 [MQTT-2.2.1-3]', '5', '8207 0000 00 000161 00', 0x81],
    ['an empty filter [MQTT-4.7.3-1]', '3.1', '8205 0001 0000 00', 0x81],
    ['a+ [MQTT-4.7.1-2]', '3.1', '8207 0001 0002 612b 00', 0x81],
    ['a/#/b [MQTT-4.7.1-1]', '5', '820b 0001 00 0005 612f232f62 00', 0x81],
    ['U+0000 [MQTT-1.5.4-2]', '3.1.1', '8206 0001 000100 00', 0x81],
    ['a lone surrogate [MQTT-1.5.4-1]', '3.1.1', '8208 0001 0003 eda080 00', 0x81],
    ['UNSUBSCRIBE', '5', 'a206 0001 00 000161', 0x81],
    ['a mistake behind a good filter', '3.1.1', '820a 0001 000161 00 000161 80', 0x81],
  ]);

  it('refuses with 0x95 what would become many times its bytes in memory', () => {
    const filters = Buffer.alloc(4 * 262_144, Buffer.from([0, 1, 0x61, 0]));
    const header = (bytes: number) =>
      Buffer.concat([Buffer.from([0x82]), variableByteInteger(bytes + 2), Buffer.from([0, 1])]);
    const largest = filters.subarray(0, 4 * 10_000);
    assert.ok(decodeSubscribe(Buffer.concat([header(largest.length), largest]), '3.1.1').ok);
    const decoded = decodeSubscribe(Buffer.concat([header(filters.length), filters]), '3.1.1');
    assert.equal(decoded.ok ? 0 : decoded.error.reason, 0x95);
    const oneMore = filters.subarray(0, 4 * 10_001);
    const crowded = decodeSubscribe(Buffer.concat([header(oneMore.length), oneMore]), '3.1.1');
    assert.equal(crowded.ok ? 0 : crowded.error.reason, 0x97);
  });

  it('keeps the order of filters and every option', () => {
    const decoded = decodeSubscribe(
      Buffer.from('820d 0007 02 0b05 000162 2e 000161 11'.replaceAll(' ', ''), 'hex'),
      '5',
    );
    assert.deepEqual(decoded, {
      ok: true,
      value: {
        packetId: 7,
        subscriptionIdentifier: 5,
        userProperties: [],
        requests: [
          { filter: 'b', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
          { filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 1 },
        ],
      },
    });
  });
});

describe('decodeUnsubscribe', () => {
  judges(decodeUnsubscribe, [
    ['two filters', '3.1.1', 'a208 0001 000161 000162', 0],
    ['a user property', '5', 'a20d 0001 07 2600016b000176 000161', 0],
    ['DUP', '3.1', 'aa05 0001 000161', 0],
    ['DUP [MQTT-3.10.1-1]', '3.1.1', 'aa05 0001 000161', 0x81],
    ['no filter [MQTT-3.10.3-2]', '3.1.1', 'a202 0001', 0x81],
    ['a Subscription Identifier', '5', 'a208 0001 02 0b01 000161', 0x81],
    ['packet identifier 0', '3.1', 'a205 0000 000161', 0x81],
    ['an empty filter', '3.1.1', 'a204 0001 0000', 0x81],
    ['options behind a filter', '3.1.1', 'a206 0001 000161 00', 0x81],
  ]);
});

describe('decodeSuback', () => {
  judges(decodeSuback, [
    ['granted and refused', '3.1.1', '9006 0001 00010280', 0],
    ['a refusal', '3.1', '9003 0001 80', 0],
    ['a reason of MQTT 5 [MQTT-3.9.3-2]', '3.1.1', '9003 0001 87', 0x82],
    ['QoS 3 [MQTT-3.9.3-2]', '3.1', '9003 0001 03', 0x82],
    ['every reason', '5', '900f 0001 00 000102808387 8f91979ea1a2', 0],
    ['a reason of UNSUBACK [MQTT-3.9.3-2]', '5', '9004 0001 00 11', 0x82],
    ['no code', '5', '9003 0001 00', 0x82],
    ['packet identifier 0', '5', '9004 0000 00 00', 0x82],
    ['flags [MQTT-2.1.3-1]', '5', '9204 0001 00 00', 0x81],
  ]);
});

describe('decodeUnsuback', () => {
  judges(decodeUnsuback, [
    ['nothing but the identifier', '3.1.1', 'b002 0001', 0],
    ['a code', '3.1.1', 'b003 0001 00', 0x81],
    ['every reason', '5', 'b00a 0001 00 00118083878f91', 0],
    ['a QoS [MQTT-3.11.3-2]', '5', 'b004 0001 00 01', 0x82],
    ['no code', '5', 'b003 0001 00', 0x82],
  ]);
});

describe('encodeUnsuback', () => {
  it('leaves the codes out before MQTT 5', () => {
    const packet = { packetId: 1, codes: [0], properties: [] };
    assert.equal(encodeUnsuback('3.1.1', packet).toString('hex'), 'b0020001');
    assert.equal(encodeUnsuback('5', packet).toString('hex'), 'b00400010000');
  });
});

describe('decodeDisconnect', () => {
  judges(decodeDisconnect, [
    ['nothing', '3.1', 'e000', 0],
    ['nothing', '5', 'e000', 0],
    ['a reason', '3.1.1', 'e001 00', 0x81],
    ['flags [MQTT-3.14.1-1]', '3.1.1', 'e200', 0x81],
    ['with will', '5', 'e001 04', 0],
    ['with session expiry', '5', 'e007 00 05 1100000009', 0],
    ['a reason of a server [table 3-10]', '5', 'e001 8b', 0x82],
    ['an unknown reason [MQTT-3.14.2-1]', '5', 'e001 01', 0x82],
    ['a server reference', '5', 'e005 00 03 1c0000', 0x82],
    ['a property of another packet', '5', 'e004 00 02 2501', 0x81],
    ['session expiry twice', '5', 'e00c 00 0a 1100000009 1100000009', 0x82],
  ]);
});

describe('decodeDisconnect of a server', () => {
  judges(
    (packet, protocol) => decodeDisconnect(packet, protocol, 'server'),
    [
      ['shutting down, elsewhere', '5', 'e005 9c 03 1c0000', 0],
      ['with will', '5', 'e001 04', 0x82],
      ['a session expiry [MQTT-3.14.2-2]', '5', 'e007 00 05 1100000009', 0x82],
    ],
  );
});

describe('judgeConnack', () => {
  judges(judgeConnack, [
    ['accepted', '3.1', '2002 00 00', 0],
    ['something in the reserved byte', '3.1', '2002 10 00', 0],
    ['reserved flags [MQTT-3.2.2-1]', '3.1.1', '2002 02 00', 0x81],
    ['reserved flags [MQTT-3.2.2-1]', '5', '2003 02 00 00', 0x81],
    ['properties before MQTT 5', '3.1.1', '2003 00 00 00', 0x81],
    ['everything a broker may say', '5', '200b 01 00 08 210014 22000a 2400', 0],
    ['a property of CONNECT', '5', '2005 00 00 02 1701', 0x81],
    ['Maximum QoS 2 [§3.2.2.3.4]', '5', '2005 00 00 02 2402', 0x82],
    ['Receive Maximum 0 [§3.2.2.3.3]', '5', '2006 00 00 03 210000', 0x82],
    ['an unknown reason [MQTT-3.2.2-8]', '5', '2003 00 8b 00', 0x82],
    ['a broker without MQTT 5', '5', '2002 00 01', 0],
    ['an unknown reason in the form of MQTT 3', '5', '2002 00 aa', 0x82],
  ]);
});
