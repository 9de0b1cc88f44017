/** A place at which the gateway's sources are read otherwise than they stand there. */
export interface SourceChange {
  /** Relative to `src/mqtt/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
}

function inProfile(text: string, instead: string): readonly SourceChange[] {
  return [{ file: 'broker-profiles.ts', text: `\n    ${text}\n`, instead: `\n    ${instead}\n` }];
}

/** By what the gateway then no longer does. */
export const switchedOff = {
  'protocol version': [
    ...inProfile("versions: ['3.1.1', '5'],", "versions: ['3.1', '3.1.1', '5'],"),
    { file: 'version-choice.ts', text: "'3.1': ['3.1.1', '3.1', '5']", instead: "'3.1': ['3.1', '3.1.1', '5']" },
  ],
  'QoS 2': inProfile('maximumQos: 1,', 'maximumQos: 2,'),
  'keep alive': [
    {
      file: 'broker-profiles.ts',
      text: 'keepAliveSeconds: { min: 30, max: 300 },\n    // AWS quota and',
      instead: 'keepAliveSeconds: { min: 0, max: 65_535 },\n    // AWS quota and',
    },
  ],
  'SUBSCRIBE in parts': inProfile('filtersPerSubscribe: 8,', 'filtersPerSubscribe: noLimit,'),
  'UNSUBSCRIBE in parts': inProfile('filtersPerUnsubscribe: 8,', 'filtersPerUnsubscribe: noLimit,'),
  'parent level': inProfile('multiLevelMatchesParent: false,', 'multiLevelMatchesParent: true,'),
  'client ID': inProfile(
    'clientId: { maxBytes: 128, mayBeginWithDollar: false, mayBeEmpty: false },',
    'clientId: { maxBytes: 65_535, mayBeginWithDollar: true, mayBeEmpty: true },',
  ),
  'topic aliases': inProfile('announcedTopicAliases: gatewayTopicAliases,', 'announcedTopicAliases: undefined,'),
  'subscription identifiers': [
    ...inProfile('subscriptionIdentifiers: false,', 'subscriptionIdentifiers: true,'),
    { file: 'capabilities.ts', text: ' && has(propertyId.subscriptionIdentifierAvailable)', instead: '' },
  ],
  'No Local': inProfile('noLocal: false,', 'noLocal: true,'),
  'Retain Handling': inProfile('retainHandling: false,', 'retainHandling: true,'),
  'will delay': inProfile('willDelay: false,', 'willDelay: true,'),
  'publish rate': inProfile('publishesPerSecond: 100,', 'publishesPerSecond: noLimit,'),
  'CONNECT rate of a client ID': inProfile(
    'connectsPerSecondPerClientId: 1,',
    'connectsPerSecondPerClientId: noLimit,',
  ),
  'order of PUBACKs': [
    {
      file: 'ack-order.ts',
      text: 'this.#ids[this.#first] !== packetId) return false;',
      instead: 'this.#ids[this.#first] !== packetId) return this.#first !== this.#last;',
    },
  ],
  'size of a payload': inProfile('maxPayloadBytes: 131_072,', 'maxPayloadBytes: maxPacketBytes,'),
  'length of a topic': inProfile('maxTopicBytes: 256,', 'maxTopicBytes: 65_535,'),
  'levels of a topic': inProfile('maxTopicSlashes: 7,', 'maxTopicSlashes: noLimit,'),
  'reserved topics': inProfile("dollarTopics: ['$aws/'],", 'dollarTopics: undefined,'),
  'number of subscriptions': inProfile('subscriptionsPerConnection: 50,', 'subscriptionsPerConnection: noLimit,'),
} as const satisfies Readonly<Record<string, readonly SourceChange[]>>;

export type SwitchName = keyof typeof switchedOff;
