import type { Admission } from '../../src/emulator/account-gate.ts';
import { Agenda } from '../../src/emulator/data/agenda.ts';
import { type BrokerOptions, brokerTerms } from '../../src/emulator/data/broker-terms.ts';
import type { ClientConnection } from '../../src/emulator/data/client-connection.ts';
import { IotBroker } from '../../src/emulator/data/iot-broker.ts';
import { seededRandom } from '../../src/emulator/data/seeded-random.ts';

/** A message broker without sockets, timers or an account: everybody is admitted at once, and time is a number. */
export class BrokerMachine {
  readonly broker: IotBroker;
  nowMs = 1_000_000;
  #lastId = 0;

  constructor(options: BrokerOptions = {}, seed = 1) {
    this.broker = new IotBroker({
      terms: brokerTerms({ connectsPerSecondPerClientId: Number.POSITIVE_INFINITY, ...options }),
      agenda: new Agenda(),
      random: seededRandom(seed),
      newId: () => {
        this.#lastId += 1;
        return `id-${this.#lastId}`;
      },
      ask: (_question, answer) => answer(admitted, this.nowMs),
    });
  }

  accept(): MachineClient {
    return new MachineClient(this);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.broker.agenda.runDue(this.nowMs);
  }
}

const admitted: Admission = {
  admitted: true,
  client: { principalId: 'p', thingName: () => undefined, allows: () => true, propagatedAttributes: () => [] },
};

/** One connection: what the broker sent over it, and whether it closed it. */
export class MachineClient {
  readonly sent: Buffer[] = [];
  isClosed = false;
  isReading = true;
  waitingBytes = 0;
  readonly #machine: BrokerMachine;
  readonly #connection: ClientConnection | undefined;

  constructor(machine: BrokerMachine) {
    this.#machine = machine;
    const arrived = {
      port: 'mqtts',
      serverName: undefined,
      alpn: undefined,
      sourceAddress: '::1',
      certificates: [],
    } as const;
    this.#connection = machine.broker.accept(arrived, this, machine.nowMs);
  }

  send(bytes: Buffer): void {
    this.sent.push(bytes);
  }

  close(): void {
    this.isClosed = true;
  }

  setReading(isReading: boolean): void {
    this.isReading = isReading;
  }

  write(bytes: Buffer | string): void {
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes.replaceAll(' ', ''), 'hex') : bytes;
    this.#connection?.handleBytes(chunk, this.#machine.nowMs);
  }

  lose(): void {
    this.#connection?.handleClose(this.#machine.nowMs);
  }

  /** What was sent since the last call, in hexadecimal. */
  take(): string[] {
    return this.sent.splice(0).map((bytes) => bytes.toString('hex'));
  }
}
