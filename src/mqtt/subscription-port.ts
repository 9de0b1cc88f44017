import type { AdaptationKind, Obstacle } from './adaptation-kind.ts';
import type { SubscribeWish } from './session-port.ts';
import type { DeviceTerms, UpstreamTerms } from './session-terms.ts';
import type { HeldSubscription } from './subscription-table.ts';

/** What a subscription desk is told by and tells. */
export interface SubscriptionPort {
  sendToBroker(packet: Buffer): void;
  sendToDevice(packet: Buffer): void;
  /** False: not now; `resume` of the desk follows. Of what the device asked for it is only told. */
  maySubscribe(wish: SubscribeWish): boolean;
  /** A free upstream identifier: `wanted` when it is free, else the gateway's own; undefined when all are taken. */
  takeIdentifier(wanted?: number): number | undefined;
  releaseIdentifier(packetId: number): void;
  adapted(kind: AdaptationKind): void;
  /** A filter that the broker cannot take was refused to the device; `retain-as-published`: granted without that option. */
  obstructed(kind: Obstacle, example: string): void;
}

export interface SubscriptionDeskOptions {
  readonly device: DeviceTerms;
  readonly upstream: UpstreamTerms;
  readonly port: SubscriptionPort;
  /** What the device holds from an earlier connection of the session that the broker took up. */
  readonly held?: Iterable<HeldSubscription>;
}
