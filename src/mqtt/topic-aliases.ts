/** The topic aliases that a device set on its connection (MQTT 5 §3.3.2.3.4): they end at the gateway. */
export class TopicAliases {
  readonly #maximum: number;
  #topicByAlias: Map<number, Buffer> | undefined;

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

  /** `topic` is copied. */
  set(alias: number, topic: Buffer): void {
    this.#topicByAlias ??= new Map();
    this.#topicByAlias.set(alias, Buffer.from(topic));
  }
}
