export type Qos = 0 | 1 | 2;
export type CountByQos = Readonly<Record<Qos, number>>;

/** One application message of a device. */
export interface TelemetryMessage {
  readonly device: string;
  /** From 1, counted by the device. */
  readonly sequence: number;
  readonly qos: Qos;
}

/** What became of the fleet's messages. */
export interface DeliveryTally {
  readonly sent: CountByQos;
  /** QoS 1 and 2: the device saw PUBACK or PUBCOMP. */
  readonly acknowledged: CountByQos;
  /** Different messages that a broker took. */
  readonly arrived: CountByQos;
  /** Arrivals beyond the first of a message. */
  readonly duplicates: CountByQos;
  /** QoS 1 and 2: acknowledged to the device, and at no broker. QoS 0: sent, and at no broker. */
  readonly lost: CountByQos;
  /** QoS 1 and 2: sent, and not acknowledged yet. The device still holds them. */
  readonly unacknowledged: number;
  /** Arrivals that no device of the fleet sent, or under another client ID. */
  readonly strangers: number;
}

interface OpenMessage {
  readonly qos: Qos;
  isAcknowledged: boolean;
  hasArrived: boolean;
}

/** Messages remembered per device while something is still expected of them; the oldest beyond it are given up as they stand. */
const openPerDevice = 1_024;

/** Compares what the devices sent and saw acknowledged with what arrived at the brokers, message by message. */
export class DeliveryLedger {
  readonly #openByDevice = new Map<string, Map<number, OpenMessage>>();
  readonly #lastSequence = new Map<string, number>();
  readonly #sent = createCounts();
  readonly #acknowledged = createCounts();
  readonly #arrived = createCounts();
  readonly #duplicates = createCounts();
  readonly #givenUpAsLost = createCounts();
  readonly #onChange: () => void;
  #givenUpUnacknowledged = 0;
  #strangers = 0;

  /** `onChange`: a message arrived or was acknowledged. */
  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange;
  }

  recordSent({ device, sequence, qos }: TelemetryMessage): void {
    this.#sent[qos] += 1;
    this.#lastSequence.set(device, sequence);
    const open = this.#openOf(device);
    open.set(sequence, { qos, isAcknowledged: false, hasArrived: false });
    if (open.size > openPerDevice) this.#giveUpOldest(open);
  }

  /** For QoS 1 and 2, once the device has the last acknowledgement of the exchange. */
  recordAcknowledged({ device, sequence, qos }: TelemetryMessage): void {
    this.#acknowledged[qos] += 1;
    const message = this.#openOf(device).get(sequence);
    if (message === undefined) return;
    message.isAcknowledged = true;
    this.#forgetIfSettled(device, sequence, message);
    this.#onChange();
  }

  /** `qos` as it arrived. */
  recordArrived({ device, sequence, qos }: TelemetryMessage): void {
    const message = this.#openOf(device).get(sequence);
    if (message === undefined && !this.#wasSent(device, sequence)) this.#strangers += 1;
    else if (message === undefined || message.hasArrived) this.#duplicates[message?.qos ?? qos] += 1;
    else {
      message.hasArrived = true;
      this.#arrived[message.qos] += 1;
      this.#forgetIfSettled(device, sequence, message);
      this.#onChange();
    }
  }

  recordStranger(): void {
    this.#strangers += 1;
  }

  /** Nothing more is expected: every message arrived, and what asks for an acknowledgement has it. */
  get isSettled(): boolean {
    for (const open of this.#openByDevice.values()) if (open.size > 0) return false;
    return true;
  }

  tally(): DeliveryTally {
    const lost = { ...this.#givenUpAsLost };
    let unacknowledged = this.#givenUpUnacknowledged;
    for (const open of this.#openByDevice.values()) {
      for (const message of open.values()) {
        if (isLost(message)) lost[message.qos] += 1;
        if (isUnacknowledged(message)) unacknowledged += 1;
      }
    }
    return {
      sent: { ...this.#sent },
      acknowledged: { ...this.#acknowledged },
      arrived: { ...this.#arrived },
      duplicates: { ...this.#duplicates },
      lost,
      unacknowledged,
      strangers: this.#strangers,
    };
  }

  #openOf(device: string): Map<number, OpenMessage> {
    const known = this.#openByDevice.get(device);
    if (known !== undefined) return known;
    const open = new Map<number, OpenMessage>();
    // Devices that never sent are not remembered: a broker's client must not fill this map.
    if (this.#lastSequence.has(device)) this.#openByDevice.set(device, open);
    return open;
  }

  #wasSent(device: string, sequence: number): boolean {
    return sequence >= 1 && sequence <= (this.#lastSequence.get(device) ?? 0);
  }

  #forgetIfSettled(device: string, sequence: number, message: OpenMessage): void {
    if (message.hasArrived && !isUnacknowledged(message)) this.#openOf(device).delete(sequence);
  }

  #giveUpOldest(open: Map<number, OpenMessage>): void {
    const [oldest] = open;
    if (oldest === undefined) return;
    const [sequence, message] = oldest;
    open.delete(sequence);
    if (isLost(message)) this.#givenUpAsLost[message.qos] += 1;
    if (isUnacknowledged(message)) this.#givenUpUnacknowledged += 1;
  }
}

function isUnacknowledged({ qos, isAcknowledged }: OpenMessage): boolean {
  return qos > 0 && !isAcknowledged;
}

function isLost(message: OpenMessage): boolean {
  return !message.hasArrived && !isUnacknowledged(message);
}

function createCounts(): Record<Qos, number> {
  return { 0: 0, 1: 0, 2: 0 };
}
