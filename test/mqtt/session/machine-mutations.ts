import { AckOrder } from '../../../src/mqtt/ack-order.ts';
import { DeliveryLimits } from '../../../src/mqtt/delivery-limits.ts';
import { DevicePackets } from '../../../src/mqtt/device-packets.ts';
import { DownlinkExchanges, downlinkState } from '../../../src/mqtt/downlink-exchanges.ts';
import { HeldPackets } from '../../../src/mqtt/held-packets.ts';
import { LegOutput } from '../../../src/mqtt/leg-output.ts';
import { PacketStream } from '../../../src/mqtt/packet-stream.ts';
import { PublishHead } from '../../../src/mqtt/publish-head.ts';
import { PublishPace } from '../../../src/mqtt/publish-pace.ts';
import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import { SessionMachine } from '../../../src/mqtt/session-machine.ts';
import type { SessionPort } from '../../../src/mqtt/session-port.ts';
import { UplinkExchanges, uplinkState } from '../../../src/mqtt/uplink-exchanges.ts';
import { UpstreamIdentifiers } from '../../../src/mqtt/upstream-identifiers.ts';
import { acknowledgementBytes, ModelReader, publishBytes } from './model-packets.ts';
import type { PortWrapper, SessionWorld } from './session-world.ts';

/** One mistake put into the machine: a method replaced while it lasts, or what it sends changed on its way. */
export interface Mutation {
  readonly name: string;
  /** Puts the mistake in and gives how to take it out. */
  readonly apply?: () => () => void;
  readonly wrap?: PortWrapper;
}

type Method = (...given: never[]) => unknown;

/** Replaces a method of a class; `make` gets the true one. */
export function replaced<T extends object>(
  prototype: T,
  name: keyof T & string,
  make: (original: Method) => (this: T, ...given: never[]) => unknown,
): () => () => void {
  return () => {
    const original = prototype[name] as Method;
    Object.defineProperty(prototype, name, { value: make(original), configurable: true, writable: true });
    return () => Object.defineProperty(prototype, name, { value: original, configurable: true, writable: true });
  };
}

/** Replaces a getter of a class. */
export function replacedGetter<T extends object>(
  prototype: T,
  name: keyof T & string,
  make: (original: (this: T) => unknown) => (this: T) => unknown,
): () => () => void {
  return () => {
    const original = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
    const get = make(original.get as (this: T) => unknown);
    Object.defineProperty(prototype, name, { get, configurable: true });
    return () => Object.defineProperty(prototype, name, original);
  };
}

/** Replaces packets of one type to one side; undefined: it is lost. */
function changed(
  side: 'toDevice' | 'toBroker',
  type: number,
  change: (bytes: Buffer, port: SessionPort, world: SessionWorld) => Buffer | undefined,
): PortWrapper {
  return (port, world) => {
    const pass = (bytes: Buffer, send: (changedBytes: Buffer) => void) => {
      const other = (bytes[0] as number) >> 4 === type ? change(bytes, port, world) : bytes;
      if (other !== undefined) send(other);
    };
    return side === 'toDevice'
      ? { ...port, toDevice: (bytes) => pass(bytes, (other) => port.toDevice(other)) }
      : { ...port, toBroker: (leg, bytes) => pass(bytes, (other) => port.toBroker(leg, other)) };
  };
}

/** Every so-and-so-manieth time. */
export function every(period: number): () => boolean {
  let count = 0;
  return () => {
    count += 1;
    return count % period === 0;
  };
}

const acknowledging: readonly Mutation[] = [
  {
    name: 'an acknowledgement of the broker is dropped',
    apply: replaced(UplinkExchanges.prototype, 'handleAnswer', (original) => {
      const isTime = every(9);
      return function (...given) {
        return isTime() ? { deviceId: 0, type: 0, isFirst: false } : original.apply(this as never, given);
      };
    }),
  },
  {
    name: 'an acknowledgement of the device is dropped',
    apply: replaced(DownlinkExchanges.prototype, 'handleAnswer', (original) => {
      const isTime = every(9);
      return function (...given) {
        return isTime() ? false : original.apply(this as never, given);
      };
    }),
  },
  {
    name: 'the device gets PUBACK before the broker gave it',
    wrap: changed('toBroker', 3, (bytes, port, { setting }) => {
      new ModelReader(setting.upstream.protocol).push(Buffer.from(bytes), ({ type, qos, id }) => {
        if (type === 3 && qos === 1) port.toDevice(acknowledgementBytes(4, id));
      });
      return bytes;
    }),
  },
  {
    name: 'the broker gets PUBACK before the device gave it',
    wrap: changed('toDevice', 3, (bytes, port, { setting }) => {
      new ModelReader(setting.device.protocol).push(Buffer.from(bytes), ({ type, qos, id }) => {
        if (type === 3 && qos === 1) port.toBroker(firstLeg, acknowledgementBytes(4, id));
      });
      return bytes;
    }),
  },
  { name: 'acknowledgements leave as they come', apply: replaced(AckOrder.prototype, 'take', () => () => true) },
  {
    name: 'an acknowledgement that waited its turn is forgotten',
    apply: replaced(AckOrder.prototype, 'nextEarly', () => () => undefined),
  },
  {
    name: 'an identifier whose acknowledgement waits is taken for free',
    apply: replaced(AckOrder.prototype, 'isEarly', () => () => false),
  },
  { name: 'PINGREQ is not answered', wrap: changed('toDevice', 13, () => undefined) },
  {
    name: 'the codes of SUBACK are turned round',
    wrap: changed('toDevice', 9, (bytes, _, { setting }) => {
      const codesAt = setting.device.protocol === '5' ? 5 : 4;
      const turned = Buffer.from(bytes);
      turned.subarray(codesAt).reverse();
      return turned;
    }),
  },
];

const identifiersAndWindows: readonly Mutation[] = [
  {
    name: 'an identifier upstream is used again',
    apply: replaced(UpstreamIdentifiers.prototype, 'take', () => () => 5),
  },
  {
    name: "the broker's window is not kept",
    apply: replacedGetter(UplinkExchanges.prototype, 'inflight', () => () => 0),
  },
  {
    name: "the broker's window is not released",
    apply: replacedGetter(UplinkExchanges.prototype, 'inflight', (original) => {
      const highest = new WeakMap<object, number>();
      return function () {
        const most = Math.max(highest.get(this) ?? 0, original.call(this) as number);
        highest.set(this, most);
        return most;
      };
    }),
  },
  {
    name: "the device's window is not kept",
    apply: replacedGetter(DownlinkExchanges.prototype, 'inflight', () => () => 0),
  },
  { name: 'the publish rate is not kept', apply: replaced(PublishPace.prototype, 'nextAtMs', () => (nowMs) => nowMs) },
  {
    name: 'what the broker cannot take goes on',
    apply: replaced(DeliveryLimits.prototype, 'obstacleOf', () => () => undefined),
  },
];

const holding: readonly Mutation[] = [
  {
    name: 'a held packet is lost',
    apply: replaced(
      HeldPackets.prototype,
      'shift',
      (original) =>
        function () {
          original.call(this as never);
          original.call(this as never);
        },
    ),
  },
  { name: 'held packets stay', apply: replaced(DevicePackets.prototype, 'releaseHeld', () => () => undefined) },
  {
    name: 'a repeat of a held packet is held too',
    apply: replaced(HeldPackets.prototype, 'holdsSame', () => () => false),
  },
  { name: 'what was not read stays unread', apply: replaced(PacketStream.prototype, 'resume', () => () => undefined) },
  {
    name: 'what was passed on is not written',
    apply: replaced(LegOutput.prototype, 'flush', (original) => {
      const isTime = every(40);
      return function () {
        if (!isTime()) original.call(this as never);
      };
    }),
  },
];

const stalling: readonly Mutation[] = [
  {
    name: 'a PUBREL of the device that lies behind a full window is waited for',
    apply: replaced(UplinkExchanges.prototype, 'releaseReceived', () => () => []),
  },
  {
    name: 'a PUBREL of the broker that lies behind a full window is waited for',
    apply: replacedGetter(DownlinkExchanges.prototype, 'awaitsRelease', () => () => false),
  },
];

const exactlyOnce: readonly Mutation[] = [
  {
    name: 'QoS 2 that ends here goes on twice',
    apply: replaced(
      UplinkExchanges.prototype,
      'stateOf',
      (original) =>
        function (id) {
          const state = original.call(this as never, id);
          return state === uplinkState.kept || state === uplinkState.forwarded ? uplinkState.none : state;
        },
    ),
  },
  {
    name: 'QoS 2 that was not released is forgotten with its connection',
    apply: replaced(SessionMachine.prototype, 'unfinished', () => () => ({ received: [] })),
  },
  {
    name: 'PUBREL is answered without the broker',
    apply: replaced(UplinkExchanges.prototype, 'release', () => () => 0),
  },
  {
    name: 'PUBREL of the broker is answered without the device',
    apply: replaced(DownlinkExchanges.prototype, 'release', () => () => false),
  },
  {
    name: 'a redelivery on the same connection goes on',
    apply: replaced(DownlinkExchanges.prototype, 'stateOf', () => () => downlinkState.none),
  },
];

const forms: readonly Mutation[] = [
  {
    name: 'a topic alias goes on',
    apply: replacedGetter(PublishHead.prototype, 'hasTopicAlias', () => () => false),
  },
  {
    name: 'a property list goes to a device before MQTT 5',
    wrap: changed('toDevice', 3, (bytes, _, { setting }) => {
      const { protocol } = setting.device;
      const packets: Buffer[] = [];
      if (protocol === '5') return bytes;
      new ModelReader(protocol).push(bytes, (packet) => {
        const { qos, id, topic, firstByte } = packet;
        const payload = Buffer.concat([Buffer.alloc(1), packet.payload]);
        packets.push(publishBytes(protocol, { qos, id, topic, payload, retain: (firstByte & 1) === 1 }));
      });
      return packets.length === 0 ? bytes : Buffer.concat(packets);
    }),
  },
  {
    name: 'RETAIN is lost',
    wrap: changed('toBroker', 3, (bytes) => {
      const plain = Buffer.from(bytes);
      plain[0] = (plain[0] as number) & 0xfe;
      return plain;
    }),
  },
  {
    name: 'QoS is lowered on the way to the device',
    wrap: changed('toDevice', 3, (bytes) => ((bytes[0] as number) & 0x06 ? lowered(bytes) : bytes)),
  },
];

function lowered(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes);
  if (((other[0] as number) & 0x06) === 4) other[0] = ((other[0] as number) & 0xf9) | 2;
  return other;
}

export const mutations: readonly Mutation[] = [
  ...acknowledging,
  ...identifiersAndWindows,
  ...holding,
  ...stalling,
  ...exactlyOnce,
  ...forms,
];
