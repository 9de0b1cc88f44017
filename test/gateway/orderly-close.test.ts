import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import { systemClock } from '../../src/base/clock.ts';
import { closeForNewer } from '../../src/gateway/orderly-close.ts';
import { ParkedUpstreams } from '../../src/gateway/parked-upstreams.ts';
import { PendingCounts } from '../../src/gateway/pending-counts.ts';
import { Relay } from '../../src/gateway/relay.ts';
import { SessionDeadlines } from '../../src/gateway/session-deadlines.ts';
import type { SessionRecord } from '../../src/gateway/session-record.ts';
import { profileNamed } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnack } from '../../src/mqtt/connack-adaptation.ts';
import { adaptConnect } from '../../src/mqtt/connect-adaptation.ts';
import { decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { SessionScratch } from '../../src/mqtt/session-scratch.ts';
import type { DeviceTerms, UpstreamTerms } from '../../src/mqtt/session-terms.ts';
import { connectBytes } from './test-device.ts';
import { until } from './until.ts';

/** A socket whose peer takes nothing until `flush`. */
class HeldSocket extends Duplex {
  readonly taken: Buffer[] = [];
  #flush: (() => void) | undefined;
  #isFlowing = false;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const take = () => {
      this.taken.push(chunk);
      done();
    };
    if (this.#isFlowing) take();
    else this.#flush = take;
  }

  flush(): void {
    this.#isFlowing = true;
    this.#flush?.();
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }
}

function publishIn(protocolVersion: 4 | 5): Buffer {
  const packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false } as const;
  return mqtt.generate(packet, { protocolVersion });
}

function startRelay(protocol: '3.1.1' | '5'): { relay: Relay; device: HeldSocket; upstream: HeldSocket } {
  const device = new HeldSocket();
  const upstream = new HeldSocket();
  const counts = { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) };
  const relay = new Relay(
    {
      record: { ...record, protocol },
      device: device.asSocket(),
      upstream: upstream.asSocket(),
      machine: { ...sessionTerms(protocol), sessionExpiryInterval: 0, undeliverable: 'refuse', maxPacketBytes, counts },
      owner: { obstructed: () => {}, recordDropped: () => false },
    },
    {
      bytes: { fromDevice: 0, fromBroker: 0 },
      adaptations: new PendingCounts(),
      drops: new PendingCounts(),
      clock: systemClock,
      scratch: new SessionScratch(),
      deadlines: new SessionDeadlines(systemClock),
      handleFault: () => {},
      handleDeviceGone: () => {},
      handleDelayedLoss: () => {},
      handleLegOver: () => {},
    },
  );
  relay.start({ fromBroker: Buffer.alloc(0), pipelined: [], sentFin: false });
  return { relay, device, upstream };
}

const maxPacketBytes = 1_000;

const record: SessionRecord = {
  connection: 1,
  epoch: 1,
  clientId: 'meter-1',
  isClaimed: true,
  identity: { clientId: 'meter-1' },
  assignment: { broker: 'legacy', reason: 'no-cohort', revision: 1 },
  home: 'legacy',
  protocol: '3.1.1',
  intent: 'clean',
  sessionExpiryInterval: 0,
  since: 0,
  listener: 'devices',
  heldBack: undefined,
  lossDelaySeconds: 0,
  upstreamKeepAliveSeconds: 60,
};

/** What a CONNECT and a CONNACK without a word in either come to. */
function sessionTerms(protocol: '3.1.1' | '5'): { device: DeviceTerms; upstream: UpstreamTerms } {
  const connect = decodeConnect(connectBytes('meter-1', { protocolVersion: protocol === '5' ? 5 : 4 }));
  assert.ok(connect.ok);
  const profile = profileNamed(undefined);
  const { versions } = profile;
  const question = { connect: connect.value, profile, versions, generatedClientId: '', sessionExpired: false };
  const upstream = adaptConnect(question);
  assert.ok(upstream.ok);
  const connack = { code: 0, sessionPresent: false, properties: undefined };
  const terms = adaptConnack({ question, upstream: upstream.value, connack, listenerMaxPacketBytes: maxPacketBytes });
  assert.ok(terms.accepted);
  return { device: terms.device, upstream: terms.upstreamTerms };
}

describe('closeForNewer on a leg that has ended', () => {
  const goodbyes = [
    ['3.1.1', Buffer.from([0xe0, 0x00])],
    ['5', Buffer.from([0xe0, 0x02, 0x00, 0x00])],
  ] as const;
  for (const [protocol, goodbye] of goodbyes) {
    it(`delivers what an MQTT ${protocol} device sent before its own DISCONNECT, and nothing behind it`, async () => {
      const { relay, device, upstream } = startRelay(protocol);
      const publish = publishIn(protocol === '5' ? 5 : 4);
      device.push(Buffer.concat([publish, goodbye]));
      await until(() => upstream.writableEnded);
      const closed = closeForNewer(relay, 'target', { closeMs: 1_000, parked: new ParkedUpstreams() });
      upstream.flush();
      await until(() => upstream.writableFinished || upstream.destroyed);
      assert.deepEqual(Buffer.concat(upstream.taken), Buffer.concat([publish, goodbye]));
      assert.equal(upstream.errored, null);
      upstream.destroy();
      device.destroy();
      await closed;
    });
  }

  it('delivers to the device what the broker sent before it closed, without a word behind it', async () => {
    const { relay, device, upstream } = startRelay('5');
    const publish = publishIn(5);
    upstream.push(publish);
    upstream.push(null);
    await until(() => device.writableEnded);
    const closed = closeForNewer(relay, 'target', { closeMs: 1_000, parked: new ParkedUpstreams() });
    device.flush();
    await until(() => device.writableFinished || device.destroyed);
    assert.deepEqual(Buffer.concat(device.taken), publish);
    assert.equal(device.errored, null);
    upstream.destroy();
    device.destroy();
    await closed;
  });
});
