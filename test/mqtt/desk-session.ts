import type { SubscribeWish } from '../../src/mqtt/session-port.ts';
import assert from 'node:assert/strict';
import { type BrokerProfile, type BrokerProfileName, brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import type { BrokerCapabilities, DeviceTerms, UpstreamTerms } from '../../src/mqtt/session-terms.ts';
import {
  decodeSuback,
  decodeUnsuback,
  encodeSuback,
  encodeUnsuback,
  type SubackPacket,
} from '../../src/mqtt/suback-packet.ts';
import {
  decodeSubscribe,
  decodeUnsubscribe,
  encodeSubscribe,
  encodeUnsubscribe,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from '../../src/mqtt/subscribe-packet.ts';
import { type HeldSubscription, SubscriptionDesk } from '../../src/mqtt/subscription-desk.ts';

export interface DeskSetting {
  readonly device?: ProtocolVersion;
  readonly upstream?: ProtocolVersion;
  readonly profile?: BrokerProfileName;
  readonly limits?: Partial<BrokerProfile>;
  readonly capabilities?: Partial<BrokerCapabilities>;
  readonly sessionPresent?: boolean;
  readonly deviceMaximumPacketSize?: number;
  readonly held?: readonly HeldSubscription[];
}

/** What the desk sent to the broker. */
export type Asked =
  | { readonly type: 'subscribe'; readonly packet: SubscribePacket; readonly bytes: Buffer }
  | { readonly type: 'unsubscribe'; readonly packet: UnsubscribePacket; readonly bytes: Buffer };
/** What it sent to the device. */
export type Told = { readonly type: 'suback' | 'unsuback'; readonly packet: SubackPacket; readonly bytes: Buffer };

/** A desk between a device and a broker that are called by hand: remembers what it did. */
export class DeskSession {
  readonly device: ProtocolVersion;
  readonly upstream: ProtocolVersion;
  readonly desk: SubscriptionDesk;
  readonly asked: Asked[] = [];
  readonly told: Told[] = [];
  /** Both, in the order in which they were sent. */
  readonly sent: (Asked | Told)[] = [];
  readonly adapted: string[] = [];
  readonly obstructed: string[] = [];
  readonly wishes: SubscribeWish[] = [];
  /** False: the broker may not be asked for what the gateway itself wants. */
  mayAsk = true;
  readonly taken = new Set<number>();
  nowMs = 1_000;

  constructor(setting: DeskSetting = {}) {
    this.device = setting.device ?? '3.1.1';
    this.upstream = setting.upstream ?? this.device;
    this.desk = new SubscriptionDesk({
      device: deviceTerms(this.device, setting),
      upstream: upstreamTerms(this.upstream, setting),
      ...(setting.held === undefined ? {} : { held: setting.held }),
      port: {
        sendToBroker: (bytes) => {
          const asked = this.#readAsked(bytes);
          this.asked.push(asked);
          this.sent.push(asked);
        },
        sendToDevice: (bytes) => {
          const told = this.#readTold(bytes);
          this.told.push(told);
          this.sent.push(told);
        },
        takeIdentifier: (wanted) => this.#take(wanted),
        releaseIdentifier: (packetId) => assert.ok(this.taken.delete(packetId), `${packetId} was not taken`),
        adapted: (kind) => this.adapted.push(kind),
        maySubscribe: (wish) => {
          this.wishes.push(wish);
          return this.mayAsk || !wish.isOwn;
        },
        obstructed: (kind, filter) => this.obstructed.push(`${kind} ${filter}`),
      },
    });
  }

  subscribe(packetId: number, requests: readonly SubscriptionRequest[], more: Partial<SubscribePacket> = {}): Buffer {
    return this.subscribeBytes(encodeSubscribe(this.device, { packetId, requests, userProperties: [], ...more }));
  }

  subscribeBytes(bytes: Buffer): Buffer {
    const decoded = decodeSubscribe(bytes, this.device);
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.error.message);
    this.desk.handleSubscribe(decoded.value, bytes, this.nowMs);
    return bytes;
  }

  unsubscribe(packetId: number, filters: readonly string[]): Buffer {
    const bytes = encodeUnsubscribe(this.device, { packetId, filters, userProperties: [] });
    const decoded = decodeUnsubscribe(bytes, this.device);
    assert.ok(decoded.ok);
    this.desk.handleUnsubscribe(decoded.value, bytes, this.nowMs);
    return bytes;
  }

  /** The broker's answer; gives its bytes, or undefined where the desk says that it is not its own. */
  answer(
    packetId: number,
    codes: readonly number[],
    { type = 'suback', properties = [] }: { type?: Told['type']; properties?: SubackPacket['properties'] } = {},
  ): Buffer | undefined {
    const encode = type === 'suback' ? encodeSuback : encodeUnsuback;
    const bytes = encode(this.upstream, { packetId, codes, properties });
    const decoded = (type === 'suback' ? decodeSuback : decodeUnsuback)(bytes, this.upstream);
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.error.message);
    const isOwn =
      type === 'suback'
        ? this.desk.handleSuback(decoded.value, bytes, this.nowMs)
        : this.desk.handleUnsuback(decoded.value, bytes, this.nowMs);
    return isOwn ? bytes : undefined;
  }

  unsuback(packetId: number, codes: readonly number[] = []): Buffer | undefined {
    return this.answer(packetId, codes, { type: 'unsuback' });
  }

  /** Answers everything, granting what was asked for, until nothing is asked any more. */
  grantAll(from = 0): void {
    for (let at = from; at < this.asked.length; at += 1) {
      const { type, packet } = this.asked[at] as Asked;
      if (type === 'subscribe')
        this.answer(
          packet.packetId,
          packet.requests.map(({ qos }) => qos),
        );
      else this.unsuback(packet.packetId, this.upstream === '5' ? packet.filters.map(() => 0) : []);
    }
  }

  /** Filters of every SUBSCRIBE or UNSUBSCRIBE that the broker got, by packet. */
  askedFilters(): string[][] {
    return this.asked.map((asked) =>
      asked.type === 'subscribe' ? asked.packet.requests.map(({ filter }) => filter) : [...asked.packet.filters],
    );
  }

  codes(at: number): readonly number[] {
    return this.told.at(at)?.packet.codes ?? [];
  }

  judge(topic: string, more: { retain?: boolean; digest?: number } = {}): string {
    const { retain = false, digest = 0 } = more;
    const judgement = this.desk.judgeDelivery({ topic, retain, digest: () => digest }, this.nowMs);
    return judgement.deliver ? ['delivered', ...judgement.subscriptionIdentifiers].join(' ') : 'left';
  }

  #take(wanted: number | undefined): number | undefined {
    let candidate = wanted !== undefined && !this.taken.has(wanted) ? wanted : 65_535;
    while (this.taken.has(candidate)) candidate -= 1;
    if (candidate === 0) return undefined;
    this.taken.add(candidate);
    return candidate;
  }

  #readAsked(sent: Buffer): Asked {
    const bytes = Buffer.from(sent);
    const subscribe = (bytes[0] as number) >> 4 === 8;
    const decoded = subscribe ? decodeSubscribe(bytes, this.upstream) : decodeUnsubscribe(bytes, this.upstream);
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.error.message);
    return { type: subscribe ? 'subscribe' : 'unsubscribe', packet: decoded.value, bytes } as Asked;
  }

  #readTold(sent: Buffer): Told {
    const bytes = Buffer.from(sent);
    const suback = (bytes[0] as number) >> 4 === 9;
    const decoded = (suback ? decodeSuback : decodeUnsuback)(bytes, this.device);
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.error.message);
    return { type: suback ? 'suback' : 'unsuback', packet: decoded.value, bytes };
  }
}

/** `a`, `a:1` with a QoS, `a:1:nl,rap,rh2` with options. */
export function requestOf(text: string): SubscriptionRequest {
  const [filter = '', qos = '0', options = ''] = text.split(':');
  const retainHandling = /rh([12])/.exec(options)?.[1] ?? '0';
  return {
    filter,
    qos: Number(qos) as 0 | 1 | 2,
    noLocal: options.includes('nl'),
    retainAsPublished: options.includes('rap'),
    retainHandling: Number(retainHandling) as 0 | 1 | 2,
  };
}

export function requests(...texts: readonly string[]): SubscriptionRequest[] {
  return texts.map(requestOf);
}

function deviceTerms(protocol: ProtocolVersion, setting: DeskSetting): DeviceTerms {
  return {
    protocol,
    clientId: 'm',
    keepAliveSeconds: 60,
    receiveMaximum: 65_535,
    maximumPacketSize: setting.deviceMaximumPacketSize ?? maxPacketBytes,
    told: {
      receiveMaximum: 65_535,
      maximumPacketSize: maxPacketBytes,
      maximumQos: 2,
      retainAvailable: true,
      topicAliasMaximum: 0,
      sharedSubscriptions: true,
      wildcardSubscriptions: true,
      subscriptionIdentifiers: true,
    },
  };
}

function upstreamTerms(protocol: ProtocolVersion, setting: DeskSetting): UpstreamTerms {
  const profile: BrokerProfile = { ...brokerProfiles[setting.profile ?? 'mqtt'], ...setting.limits };
  return {
    protocol,
    profile,
    capabilities: {
      maximumQos: profile.maximumQos,
      retainAvailable: true,
      wildcardSubscriptions: true,
      subscriptionIdentifiers: protocol === '5' && profile.subscriptionIdentifiers,
      sharedSubscriptions: profile.sharedSubscriptions,
      receiveMaximum: profile.inflightFromDevice,
      maximumPacketSize: profile.maxPacketBytes,
      maxSessionExpirySeconds: profile.maxSessionExpirySeconds,
      ...setting.capabilities,
    },
    keepAliveSeconds: 60,
    sessionPresent: setting.sessionPresent ?? false,
    undeliverable: 'refuse',
    maxPacketBytes: profile.maxPacketBytes,
  };
}
