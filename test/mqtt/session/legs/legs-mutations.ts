import { AckOrder } from '../../../../src/mqtt/ack-order.ts';
import { DeliveredValues } from '../../../../src/mqtt/delivered-values.ts';
import { DevicePackets } from '../../../../src/mqtt/device-packets.ts';
import { DownlinkExchanges } from '../../../../src/mqtt/downlink-exchanges.ts';
import { HeldPackets } from '../../../../src/mqtt/held-packets.ts';
import { SessionCut } from '../../../../src/mqtt/session-cut.ts';
import { SessionMachine } from '../../../../src/mqtt/session-machine.ts';
import type { SessionPort } from '../../../../src/mqtt/session-port.ts';
import { SubscriptionDesk } from '../../../../src/mqtt/subscription-desk.ts';
import { UnacknowledgedPublishes } from '../../../../src/mqtt/unacknowledged-publishes.ts';
import { every, replaced, replacedGetter } from '../machine-mutations.ts';
import type { PortWrapper } from './leg-port.ts';
import type { LegsWorld } from './legs-world.ts';

/** One mistake put into the machinery of legs, as `machine-mutations.ts` does for one leg. */
export interface LegsMutation {
  readonly name: string;
  readonly apply?: () => () => void;
  readonly wrap?: PortWrapper;
}

/** Changes what goes to brokers: the leg, the bytes, or nothing at all. */
function towardsBrokers(
  change: (packet: { readonly leg: number; readonly bytes: Buffer }, world: LegsWorld) => [number, Buffer] | undefined,
): PortWrapper {
  return (port, world) => ({
    ...port,
    toBroker: (leg, bytes) => {
      const other = change({ leg, bytes }, world);
      if (other !== undefined) port.toBroker(...other);
    },
  });
}

const typeOf = (bytes: Buffer): number => (bytes[0] as number) >> 4;

/** The other leg that is open. */
function otherOpenLeg(world: LegsWorld, leg: number): number {
  const open = [...world.legs.values()].find(({ number, isOver }) => number !== leg && !isOver);
  return open?.number ?? leg;
}

const replaying: readonly LegsMutation[] = [
  {
    name: 'what a lost leg had not acknowledged is not sent again',
    apply: replaced(HeldPackets.prototype, 'putFirst', () => () => undefined),
  },
  {
    name: 'what goes again goes without DUP',
    wrap: towardsBrokers(({ leg, bytes }) => {
      if (typeOf(bytes) !== 3) return [leg, bytes];
      const plain = Buffer.from(bytes);
      plain[0] = (plain[0] as number) & 0xf7;
      return [leg, plain];
    }),
  },
  {
    name: 'no copy is kept of what is not acknowledged',
    apply: replaced(UnacknowledgedPublishes.prototype, 'packetOf', (original) => {
      const isTime = every(3);
      return function (...given) {
        return isTime() ? undefined : original.apply(this as never, given);
      };
    }),
  },
  {
    name: 'a new session at a broker is taken for the old one',
    apply: replaced(
      SessionMachine.prototype,
      'attach',
      (original) =>
        function (this: SessionMachine, number: number, upstream: object, nowMs: number) {
          original.call(this as never, number as never, { ...upstream, sessionPresent: true } as never, nowMs as never);
        } as never,
    ),
  },
  {
    name: 'QoS 2 of a lost leg is not released to the device',
    apply: replaced(
      DownlinkExchanges.prototype,
      'orphan',
      (original) =>
        function (...given) {
          original.apply(this as never, given);
          return [];
        },
    ),
  },
  {
    name: 'acknowledgements of two legs leave as they come',
    apply: replaced(AckOrder.prototype, 'take', () => () => true),
  },
];

const switching: readonly LegsMutation[] = [
  {
    name: 'the switch comes before SUBACK',
    apply: replacedGetter(SubscriptionDesk.prototype, 'pending', () => () => 0),
  },
  {
    name: 'a cut that cannot be is never ended',
    apply: replaced(SessionCut.prototype, 'abort', () => () => undefined),
  },
  {
    name: 'the old leg is unsubscribed at the switch',
    apply: replaced(
      SessionMachine.prototype,
      'cut',
      (original) =>
        function (this: SessionMachine, options: object, nowMs: number) {
          return original.call(this as never, { ...options, overlapMs: 0 } as never, nowMs as never);
        } as never,
    ),
  },
  {
    name: 'the old leg is unsubscribed before the session is written down',
    apply: replaced(
      SessionMachine.prototype,
      'cut',
      (original) =>
        function (this: SessionMachine, options: object, nowMs: number) {
          return original.call(this as never, { ...options, leaveMs: 0 } as never, nowMs as never);
        } as never,
    ),
  },
  {
    name: 'nobody is told that the old leg is left',
    wrap: (port) => ({ ...port, leaving: () => undefined }),
  },
  {
    name: 'the old leg stays subscribed',
    apply: replaced(SubscriptionDesk.prototype, 'release', () => () => undefined),
  },
  {
    name: 'what the old leg still delivers is not read',
    apply: replaced(
      SessionMachine.prototype,
      'handleBrokerData',
      (original) =>
        function (this: SessionMachine, chunk: Buffer, nowMs: number, leg: number) {
          if (this.phase === 'draining' && leg !== this.activeLeg) return;
          original.call(this as never, chunk as never, nowMs as never, leg as never);
        } as never,
    ),
  },
  {
    name: 'what is held is lost',
    apply: replaced(HeldPackets.prototype, 'hold', (original) => {
      const isTime = every(5);
      return function (...given) {
        return isTime() ? true : original.apply(this as never, given);
      };
    }),
  },
  {
    name: 'what is above the bound is dropped at any QoS',
    apply: replaced(HeldPackets.prototype, 'hold', (original) => {
      return function (this: HeldPackets, packet: Buffer, ...rest: never[]) {
        return original.apply(this as never, [packet, ...rest] as never) || this.size > 64;
      } as never;
    }),
  },
  { name: 'what is held stays held', apply: replaced(DevicePackets.prototype, 'releaseHeld', () => () => undefined) },
  { name: 'nobody is told that no leg is active', wrap: (port) => ({ ...port, detached: () => undefined }) },
];

const telling: readonly LegsMutation[] = [
  {
    name: 'a leg is closed without DISCONNECT',
    wrap: towardsBrokers(({ leg, bytes }) => (typeOf(bytes) === 14 ? undefined : [leg, bytes])),
  },
  {
    name: 'the device hears that its broker is gone',
    wrap: (port: SessionPort, { setting }) => ({
      ...port,
      detached: (message) => {
        port.detached(message);
        if (setting.device.protocol === '5') port.toDevice(Buffer.from([0xe0, 1, 0x8b]));
      },
    }),
  },
  {
    name: 'PINGREQ is not answered while no leg is active',
    wrap: (port, world) => ({
      ...port,
      toDevice: (bytes) => {
        if (!(world.isDetached && typeOf(bytes) === 13)) port.toDevice(bytes);
      },
    }),
  },
];

const delivering: readonly LegsMutation[] = [
  {
    name: 'an acknowledgement goes to the other leg',
    wrap: towardsBrokers(({ leg, bytes }, world) => [typeOf(bytes) === 4 ? otherOpenLeg(world, leg) : leg, bytes]),
  },
  {
    name: 'both legs use one number of the device',
    apply: replaced(
      DownlinkExchanges.prototype,
      'begin',
      (original) =>
        function (this: DownlinkExchanges, slot: number, upstreamId: number, qos: number) {
          const deviceId = original.call(this as never, slot as never, upstreamId as never, qos as never);
          return deviceId === 0 ? 0 : upstreamId;
        } as never,
    ),
  },
  {
    name: "the device's window is each leg's own",
    apply: replacedGetter(
      DownlinkExchanges.prototype,
      'inflight',
      () =>
        function (this: DownlinkExchanges) {
          return Math.min(this.sizeOn(0), this.sizeOn(1));
        } as never,
    ),
  },
  {
    name: 'retained values come again',
    apply: replaced(DeliveredValues.prototype, 'isRecent', () => () => false),
  },
];

export const legsMutations: readonly LegsMutation[] = [...replaying, ...switching, ...telling, ...delivering];
