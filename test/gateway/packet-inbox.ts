import mqtt, { type Packet } from 'mqtt-packet';

mqtt.writeToStream.cacheNumbers = false;

/** What one end received, packet by packet, and what a test waits for. */
export class PacketInbox {
  readonly packets: Packet[] = [];
  /** Bytes received, packets or not. */
  bytes = 0;
  isClosed = false;
  /** True when the other end closed with FIN, false when it was cut. */
  sawEnd = false;
  #parser: ReturnType<typeof mqtt.parser>;
  #waiting: { readonly check: () => boolean; readonly resolve: () => void }[] = [];

  constructor(protocolVersion: 4 | 5 = 4) {
    this.#parser = mqtt.parser({ protocolVersion });
    this.#parser.on('packet', (packet) => this.packets.push(packet));
    this.#parser.on('error', () => {});
  }

  handleBytes(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.#parser.parse(chunk);
    this.#wake();
  }

  handleEnd(): void {
    this.sawEnd = true;
    this.#wake();
  }

  handleClose(): void {
    this.isClosed = true;
    this.#wake();
  }

  commands(): string[] {
    return this.packets.map(({ cmd }) => cmd);
  }

  find(cmd: string): (Packet & Record<string, unknown>) | undefined {
    const packet = this.packets.find((candidate) => candidate.cmd === cmd);
    return packet === undefined ? undefined : { ...packet };
  }

  /** Resolves with the first packet of a kind, whenever it comes. */
  async packet(cmd: string): Promise<Record<string, unknown>> {
    await this.until(() => this.find(cmd) !== undefined, cmd);
    return this.find(cmd) ?? {};
  }

  closed(): Promise<void> {
    return this.until(() => this.isClosed, 'close');
  }

  async until(check: () => boolean, what = 'condition', timeoutMs = 8_000): Promise<void> {
    if (check()) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${what} did not come; got ${this.commands().join(' ')}, closed ${this.isClosed}`)),
        timeoutMs,
      );
      this.#waiting.push({ check, resolve });
    }).finally(() => clearTimeout(timer));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) {
      if (entry.check()) entry.resolve();
      else this.#waiting.push(entry);
    }
  }
}
