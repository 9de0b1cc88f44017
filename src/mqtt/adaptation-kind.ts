/**
 * What the gateway does for a device because its broker could not: the `kind` of `crossfade_adaptations_total` and of the
 * assessment. The order is the bit order of stored assessments: append only.
 */
export const adaptationKinds = [
  /** Another protocol version upstream than the device speaks. */
  'protocol-version',
  /** A QoS 2 PUBLISH of the device ends at the gateway and goes on at the broker's highest QoS. */
  'qos2-publish',
  /** A QoS 2 subscription is asked for at the broker's highest QoS and granted to the device as 2. */
  'qos2-subscription',
  'qos2-will',
  /** A keep alive outside the broker's range; the gateway keeps both legs' own. */
  'keep-alive',
  /** SUBSCRIBE or UNSUBSCRIBE with more filters than the broker takes in one packet. */
  'split-subscribe',
  'split-unsubscribe',
  /** `a/#` is completed with `a`. */
  'parent-level',
  /** Another client ID upstream. */
  'client-id',
  'topic-alias',
  'subscription-identifier',
  'no-local',
  'retain-handling',
  'session-expiry',
  'will-delay',
  /** Packets sent behind CONNECT were held until CONNACK. */
  'pipelined',
  /** A PUBLISH waited for the broker's in-flight window. */
  'inflight-window',
  /** A PUBLISH waited for the broker's publish rate. */
  'publish-rate',
  /** Acknowledgements were put back into the order of their PUBLISH packets. */
  'ack-order',
  /** MQTT 5 properties that the other side's version has no field for were left out. */
  'properties',
] as const;

export type AdaptationKind = (typeof adaptationKinds)[number];

/** Why a device cannot live on a broker: it stays on the source. Append only, as above. */
export const obstacles = [
  /** The PUBLISH is larger than the broker takes. */
  'payload-size',
  'topic-length',
  /** More levels than the broker takes, in a topic name or a filter. */
  'topic-depth',
  /** A topic name or filter that the broker reserves. */
  'reserved-topic',
  /** More subscriptions than one connection of the broker holds. */
  'subscriptions',
  'will-size',
  'shared-subscription',
  /** It was given retained messages through a wildcard filter, which the broker would not send. */
  'retained-on-wildcard',
  /** MQTT 5 Retain As Published, on a broker that does not keep the flag. */
  'retain-as-published',
  'enhanced-authentication',
] as const;

export type Obstacle = (typeof obstacles)[number];

/** One thing that a target would have to adapt, or cannot; noted at most once per connection and kind. */
export type Finding =
  | { readonly verdict: 'adapt'; readonly kind: AdaptationKind; readonly example: string }
  | { readonly verdict: 'cannot'; readonly kind: Obstacle; readonly example: string };
