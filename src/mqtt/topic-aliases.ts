/** Bytes of all topics that one device has aliases for, each counted with what it costs to keep. */
const maxAliasBytes = 262_144;
const aliasOverheadBytes = 128;

/** The topic aliases that a device set on its connection (MQTT 5 §3.3.2.3.4): they end at the gateway. */
export class TopicAliases {
  readonly #maximum: number;
  #topicByAlias: Map<number, Buffer> | undefined;
  #bytes = 0;

  /** `maximum`: the Topic Alias Maximum that the device was told. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  isAllowed(alias: number): boolean {
    return alias <= this.#maximum; // [MQTT-3.3.2-9]
  }

  topicOf(alias: number): Buffer | undefined {
    return this.#topicByAlias?.get(alias);
  }

  /** `topic` is copied. False: the device has used up what all its aliases may take together. */
  set(alias: number, topic: Buffer): boolean {
    const before = this.#topicByAlias?.get(alias);
    const bytes = this.#bytes + topic.length - (before?.length ?? -aliasOverheadBytes);
    if (bytes > maxAliasBytes) return false;
    this.#bytes = bytes;
    this.#topicByAlias ??= new Map();
    this.#topicByAlias.set(alias, Buffer.from(topic));
    return true;
  }
}
