import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { profileNamed } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnect, encodeSessionEnd } from '../../src/mqtt/connect-adaptation.ts';
import { type ConnectPacket, decodeConnect } from '../../src/mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { connectBytes } from '../gateway/test-device.ts';

const profile = profileNamed('mqtt');

function connectOf(device: '3.1.1' | '5', isPersistent: boolean, clean: boolean): ConnectPacket {
  const properties = isPersistent ? { sessionExpiryInterval: 600 } : {};
  const options = device === '5' ? { protocolVersion: 5 as const, clean, properties } : { clean: !isPersistent };
  const decoded = decodeConnect(connectBytes('meter-1', options));
  assert.ok(decoded.ok);
  return decoded.value;
}

function decoded(packet: Buffer | undefined): Pick<ConnectPacket, 'cleanStart' | 'sessionExpiryInterval'> | undefined {
  if (packet === undefined) return undefined;
  const connect = decodeConnect(packet);
  assert.ok(connect.ok);
  const { cleanStart, sessionExpiryInterval } = connect.value;
  return { cleanStart, sessionExpiryInterval };
}

describe('a further connection of a live session', () => {
  const forEver = 0xffff_ffff;
  const clean = { cleanStart: true, sessionExpiryInterval: 0 };
  const kept = { cleanStart: false, sessionExpiryInterval: forEver };
  const rows = [
    ['3.1.1', '3.1.1', false, 'fresh', clean, undefined],
    ['3.1.1', '3.1.1', false, 'resume', clean, undefined],
    ['3.1.1', '3.1.1', true, 'fresh', kept, clean],
    ['3.1.1', '3.1.1', true, 'resume', kept, undefined],
    ['3.1.1', '5', true, 'fresh', { cleanStart: true, sessionExpiryInterval: forEver }, undefined],
    ['3.1.1', '5', true, 'resume', { cleanStart: false, sessionExpiryInterval: forEver }, undefined],
    ['5', '5', true, 'fresh', { cleanStart: true, sessionExpiryInterval: 600 }, undefined],
    ['5', '5', true, 'resume', { cleanStart: false, sessionExpiryInterval: 600 }, undefined],
    ['5', '5', false, 'resume', clean, undefined],
    ['5', '3.1.1', true, 'fresh', kept, clean],
    ['5', '3.1.1', true, 'resume', kept, undefined],
    ['5', '3.1.1', false, 'resume', clean, undefined],
  ] as const;
  for (const [device, broker, isPersistent, further, packet, purge] of rows) {
    const kind = isPersistent ? 'a persistent' : 'a clean';
    it(`${further}: ${kind} session of MQTT ${device} at a broker of ${broker}`, () => {
      for (const isClean of [true, false]) {
        const connect = connectOf(device, isPersistent, isClean);
        const versions: readonly ProtocolVersion[] = [broker];
        const question = { connect, profile, versions, generatedClientId: '', sessionExpired: false, further };
        const adapted = adaptConnect(question);
        assert.ok(adapted.ok);
        assert.deepEqual(decoded(adapted.value.packet), packet);
        assert.deepEqual(decoded(adapted.value.purge), purge);
        assert.deepEqual(decoded(encodeSessionEnd(question).packet), clean);
      }
    });
  }
});
