/** What AWS IoT Core allows, by its quotas and its developer guide; a broker of the tests may narrow or widen each. */
export interface BrokerLimits {
  readonly payloadBytes: number;
  /** Announced to MQTT 5 as Maximum Packet Size. */
  readonly packetBytes: number;
  readonly topicBytes: number;
  readonly slashes: number;
  readonly filtersPerSubscribe: number;
  readonly filtersPerUnsubscribe: number;
  readonly subscriptions: number;
  readonly clientIdBytes: number;
  /** Unacknowledged QoS 1 PUBLISH packets, each way. */
  readonly inflight: number;
  /** Both directions together, within `rateWindowMs`. */
  readonly publishesPerSecond: number;
  readonly topicAliases: number;
  readonly sessionExpirySeconds: number;
}

export const awsLimits: BrokerLimits = {
  payloadBytes: 131_072,
  packetBytes: 149_504,
  topicBytes: 256,
  slashes: 7,
  filtersPerSubscribe: 8,
  filtersPerUnsubscribe: 8,
  subscriptions: 50,
  clientIdBytes: 128,
  inflight: 100,
  publishesPerSecond: 100,
  topicAliases: 8,
  sessionExpirySeconds: 3_600,
};

/** Why a connection ended. */
export type CloseReason =
  | 'client-disconnect'
  | 'client-lost'
  | 'taken-over'
  | 'broker-stopped'
  | 'told-to-close'
  | 'keep-alive'
  | 'not-connect-first'
  | 'mqtt-3.1'
  | 'bridge-bit'
  | 'bad-client-id'
  | 'connect-throttled'
  | 'will-qos2'
  | 'will-topic'
  | 'will-too-large'
  | 'authentication-method'
  | 'before-connack'
  | 'second-connect'
  | 'header-flags'
  | 'malformed'
  | 'bad-topic'
  | 'bad-filter'
  | 'reserved-topic'
  | 'too-many-slashes'
  | 'topic-too-long'
  | 'payload-too-large'
  | 'packet-too-large'
  | 'publish-qos2'
  | 'subscribe-qos2'
  | 'qos2-acknowledgement'
  | 'too-many-filters'
  | 'too-many-subscriptions'
  | 'subscription-identifier'
  | 'topic-alias'
  | 'receive-maximum'
  | 'packet-identifier-in-use';

/** Not the client's fault. */
const innocentReasons: readonly CloseReason[] = [
  'client-disconnect',
  'client-lost',
  'taken-over',
  'broker-stopped',
  'told-to-close',
];

export function isViolation(reason: CloseReason): boolean {
  return !innocentReasons.includes(reason);
}

/** A broken rule, with the MQTT 5 reason code that names it; before MQTT 5 the connection just ends. */
export interface RuleBreach {
  readonly reason: CloseReason;
  readonly code: number;
}

/** Requested 0 or more than 1 200: 1 200; less than 30: 30. */
export function clampKeepAlive(seconds: number): number {
  if (seconds === 0 || seconds > 1_200) return 1_200;
  return Math.max(30, seconds);
}

export function topicNameBreach(topic: string, limits: BrokerLimits): RuleBreach | undefined {
  // mqtt-packet puts U+FFFD where the bytes were not UTF-8.
  if (topic === '' || /[+#\0\ufffd]/.test(topic)) return { reason: 'bad-topic', code: 0x90 };
  return pathBreach(topic, limits, 0x90);
}

export function topicFilterBreach(filter: string, limits: BrokerLimits): RuleBreach | undefined {
  const { shareName, path } = splitShare(filter);
  if (shareName === '' || /[+#]/.test(shareName ?? '')) return { reason: 'bad-filter', code: 0x8f };
  const levels = path.split('/');
  const isMisplaced = (level: string, index: number) =>
    (level.includes('#') && (level !== '#' || index < levels.length - 1)) || (level.includes('+') && level !== '+');
  if (path === '' || /[\0\ufffd]/.test(path) || levels.some(isMisplaced)) return { reason: 'bad-filter', code: 0x8f };
  return pathBreach(path, limits, 0x8f);
}

function pathBreach(path: string, limits: BrokerLimits, code: number): RuleBreach | undefined {
  // Only AWS's own topics may begin with a dollar sign.
  if (path.startsWith('$') && !path.startsWith('$aws/')) return { reason: 'reserved-topic', code };
  if (path.split('/').length - 1 > limits.slashes) return { reason: 'too-many-slashes', code };
  if (Buffer.byteLength(path) > limits.topicBytes) return { reason: 'topic-too-long', code };
  return undefined;
}

export function splitShare(filter: string): { readonly shareName: string | undefined; readonly path: string } {
  if (!filter.startsWith('$share/')) return { shareName: undefined, path: filter };
  const [, shareName = '', ...levels] = filter.split('/');
  return { shareName, path: levels.join('/') };
}

/** As on AWS: `a/#` does not match `a`, and no wildcard matches a first level that begins with a dollar sign. */
export function matchesFilter(path: string, topic: string): boolean {
  const filterLevels = path.split('/');
  const topicLevels = topic.split('/');
  if (topic.startsWith('$') && /^[+#]/.test(path)) return false;
  for (const [index, level] of filterLevels.entries()) {
    const named = topicLevels[index];
    if (named === undefined) return false;
    if (level === '#') return true;
    if (level !== '+' && level !== named) return false;
  }
  return filterLevels.length === topicLevels.length;
}

export function hasWildcard(path: string): boolean {
  return /[+#]/.test(path);
}

/** A number of events within the last window, counted exactly. */
export class RateMeter {
  /** A test may change it. */
  limit: number;
  readonly #windowMs: number;
  #times: number[] = [];
  /** The most that came within one window, whether taken or not. */
  peak = 0;

  constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.#windowMs = windowMs;
  }

  /** False: it would be one too many. */
  take(nowMs: number): boolean {
    this.#times = this.#times.filter((time) => nowMs - time < this.#windowMs);
    this.peak = Math.max(this.peak, this.#times.length + 1);
    if (this.#times.length >= this.limit) return false;
    this.#times.push(nowMs);
    return true;
  }
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<Value>(values: readonly Value[], random: () => number): Value[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as Value, result[last] as Value];
  }
  return result;
}
