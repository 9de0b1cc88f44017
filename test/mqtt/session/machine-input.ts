import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import { SessionMachine } from '../../../src/mqtt/session-machine.ts';
import {
  acknowledgementBytes,
  disconnectBytes,
  noBytes,
  pingreq,
  pingresp,
  publishBytes,
  subackBytes,
  subscribeBytes,
  unsubscribeBytes,
} from './model-packets.ts';
import { type Setting, settingOf } from './session-setting.ts';

/** What a machine did, each leg's bytes put together. */
export interface Effects {
  readonly toDevice: Buffer[];
  readonly toBroker: Buffer[];
  /** Everything that is not bytes. */
  readonly said: string[];
}

/** A machine that writes down what it does. `isWide`: no window and no pace, so that time and order of events do not count. */
export function recordedMachine(setting: Setting, isWide: boolean): { machine: SessionMachine; effects: Effects } {
  const effects: Effects = { toDevice: [], toBroker: [], said: [] };
  const { said } = effects;
  const { device, upstream } = isWide ? widened(setting) : setting;
  const machine = new SessionMachine({
    device,
    upstream,
    sessionExpiryInterval: 0,
    counts: { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) },
    port: {
      toDevice: (bytes) => effects.toDevice.push(bytes),
      toBroker: (_leg, bytes) => effects.toBroker.push(bytes),
      readDevice: (wanted) => said.push(`reads device ${wanted}`),
      readBroker: (_leg, wanted) => said.push(`reads broker ${wanted}`),
      deviceDone: (done) => said.push(JSON.stringify(done)),
      legOver: (leg, how, message) => said.push(`leg ${leg} over: ${how}, ${message}`),
      detached: () => said.push('detached'),
      switched: (leg) => said.push(`leg ${leg} active`),
      cutAborted: (leg) => said.push(`cut to ${leg} aborted`),
      leaving: (leg) => said.push(`leg ${leg} left`),
      drained: (leg) => said.push(`leg ${leg} drained`),
      deliveredTwice: (count) => said.push(`${count} twice`),
      subscriptionsChanged: () => undefined,
      failed: (fault) => said.push(JSON.stringify(fault)),
      deadlineMoved: () => undefined,
      adapted: (kind) => said.push(kind),
      maySubscribe: () => true,
      obstructed: (obstacle) => said.push(obstacle),
      dropped: (reason) => said.push(reason),
      recordDropped: ({ topic }) => said.push(topic) > 0,
    },
    nowMs: 0,
  });
  return { machine, effects };
}

function widened(setting: Setting): Setting {
  const { device, upstream } = setting;
  const profile = setting.isAws
    ? { ...upstream.profile, publishesPerSecond: Number.POSITIVE_INFINITY }
    : upstream.profile;
  return {
    ...setting,
    device: { ...device, receiveMaximum: 65_535, told: { ...device.told, receiveMaximum: 65_535 } },
    upstream: { ...upstream, profile, capabilities: { ...upstream.capabilities, receiveMaximum: 65_535 } },
  };
}

export function anySetting(random: () => number): Setting {
  return settingOf(Math.floor(random() * 0x1_0000_0000));
}

/** A well-formed packet of the kinds that `side` sends, small in every respect. */
export function anyPacketOf(
  side: 'device' | 'broker',
  protocol: ProtocolVersion,
  random: () => number,
  publishId?: number,
): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  // Of packets that came before: PUBREL of an identifier that is still to come would make its PUBLISH wait.
  const id = 1 + below(publishId === undefined ? 6 : Math.max(1, Math.min(6, publishId - 1)));
  const kind = below(12);
  if (kind < 5) return anyPublish(protocol, random, publishId);
  if (kind < 9) return acknowledgementBytes(4 + below(4), id, protocol === '5' && below(5) === 0 ? 0x92 : 0);
  if (kind === 9) return side === 'device' ? pingreq : pingresp;
  if (kind === 11 && below(10) === 0) return disconnectBytes(protocol);
  const filters = Array.from({ length: 1 + below(4) }, () => [`f/${below(5)}`, below(3)] as const);
  if (side === 'broker') return subackBytes(protocol, below(2) === 0 ? 9 : 11, id, [below(3)]);
  const names = filters.map(([filter]) => filter);
  return kind === 10 ? subscribeBytes(protocol, id, filters) : unsubscribeBytes(protocol, id, names);
}

const topics = ['t', 't/ü', 'a/b/c', '$SYS/x', '$aws/rules/r/t', 'long/'.repeat(5)];
const lists = ['', '2600016b000176', '0200000010', '0101', '230001', '0300016308000172', '0900020001'];

export function anyPublish(protocol: ProtocolVersion, random: () => number, publishId?: number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  const qos = below(3);
  const properties = protocol === '5' ? Buffer.from(lists[below(lists.length)] as string, 'hex') : noBytes;
  const flags = { dup: qos > 0 && below(6) === 0, retain: below(6) === 0 };
  const topic = topics[below(topics.length)] as string;
  const isLarge = below(300) === 0;
  const payload = Buffer.alloc(isLarge ? 66_000 + below(3_000) : below(40), 0x78);
  return publishBytes(protocol, { qos, ...flags, id: publishId ?? 1 + below(6), topic, payload, properties });
}
