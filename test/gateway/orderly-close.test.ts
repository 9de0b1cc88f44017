import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import mqtt from 'mqtt-packet';
import { systemClock } from '../../src/base/clock.ts';
import { EndpointWatch } from '../../src/gateway/endpoint-watch.ts';
import { closeForNewer } from '../../src/gateway/orderly-close.ts';
import { ParkedUpstreams } from '../../src/gateway/parked-upstreams.ts';
import { PendingCounts } from '../../src/gateway/pending-counts.ts';
import { Relay } from '../../src/gateway/relay.ts';
import { SessionDeadlines } from '../../src/gateway/session-deadlines.ts';
import type { SessionRecord } from '../../src/gateway/session-record.ts';
import type { UpstreamDevice } from '../../src/gateway/upstream-connector.ts';
import { profileNamed } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnack } from '../../src/mqtt/connack-adaptation.ts';
import { adaptConnect } from '../../src/mqtt/connect-adaptation.ts';
import { type ConnectPacket, decodeConnect } from '../../src/mqtt/connect-packet.ts';
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
      machine: { ...sessionTerms(protocol), sessionExpiryInterval: 0, counts },
      origin: {
        connect: connectPacket(protocol),
        device: upstreamDevice,
        generatedClientId: '',
        listenerMaxPacketBytes,
      },
      findings: { obstructed: () => {}, recordDropped: () => false, found: () => {} },
    },
    {
      bytes: { fromDevice: 0, fromBroker: 0 },
      adaptations: new PendingCounts(),
      drops: new PendingCounts(),
      clock: systemClock,
      scratch: new SessionScratch(),
      deadlines: new SessionDeadlines(systemClock),
      legs: {
        handleDetached: () => {},
        handleSwitched: () => {},
        handleUpstreamOver: () => {},
        handleCutAborted: () => {},
        handleLeaving: () => {},
        handleDrained: () => {},
        handleDeliveredTwice: () => {},
        handleSubscriptionsChanged: () => {},
      },
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
const listenerMaxPacketBytes = maxPacketBytes;

const upstreamDevice: UpstreamDevice = {
  rendezvousKey: 'meter-1',
  remoteAddress: '192.0.2.1',
  remotePort: 50_000,
  localAddress: '192.0.2.2',
  localPort: 8883,
  certificateVerified: false,
};

const record: SessionRecord = {
  connection: 1,
  epoch: 1,
  clientId: 'meter-1',
  isClaimed: true,
  identity: { clientId: 'meter-1' },
  assignment: { broker: 'legacy', reason: 'no-cohort', revision: 1 },
  home: { broker: 'legacy', watch: new EndpointWatch(), keepAliveSeconds: 60, lossDelaySeconds: 0 },
  protocol: '3.1.1',
  intent: 'clean',
  sessionExpiryInterval: 0,
  since: 0,
  listener: 'devices',
  heldBack: undefined,
  queueAt: undefined,
};

function connectPacket(protocol: '3.1.1' | '5'): ConnectPacket {
  const connect = decodeConnect(connectBytes('meter-1', { protocolVersion: protocol === '5' ? 5 : 4 }));
  assert.ok(connect.ok);
  return connect.value;
}

/** What a CONNECT and a CONNACK without a word in either come to. */
function sessionTerms(protocol: '3.1.1' | '5'): { device: DeviceTerms; upstream: UpstreamTerms } {
  const connect = connectPacket(protocol);
  const profile = profileNamed(undefined);
  const { versions } = profile;
  const question = { connect, profile, versions, generatedClientId: '', sessionExpired: false };
  const upstream = adaptConnect(question);
  assert.ok(upstream.ok);
  const connack = { code: 0, sessionPresent: false, properties: undefined };
  const terms = adaptConnack({ question, upstream: upstream.value, connack, listenerMaxPacketBytes });
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

  it('delivers to a device without a broker what that sent before it closed, and says why it is closed', async () => {
    const { relay, device, upstream } = startRelay('5');
    const publish = publishIn(5);
    upstream.push(publish);
    upstream.push(null);
    await until(() => relay.isDetached);
    const closed = closeForNewer(relay, 'target', { closeMs: 1_000, parked: new ParkedUpstreams() });
    device.flush();
    await until(() => device.writableFinished || device.destroyed);
    assert.deepEqual(Buffer.concat(device.taken), Buffer.concat([publish, Buffer.from([0xe0, 0x01, 0x8e])]));
    assert.equal(device.errored, null);
    device.destroy();
    await closed;
  });
});
