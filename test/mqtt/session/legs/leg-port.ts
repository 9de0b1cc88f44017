import type { CutAbort, DropReason, SessionFault, SessionPort } from '../../../../src/mqtt/session-port.ts';
import { Violation } from '../flow-ledger.ts';
import type { LegsWorld } from './legs-world.ts';

/** What stands between the machine and the world; mutations change it on its way. */
export type PortWrapper = (port: SessionPort, world: LegsWorld) => SessionPort;

/** The machine's effects, told to the world. */
export class LegPort implements SessionPort {
  readonly #world: LegsWorld;

  constructor(world: LegsWorld) {
    this.#world = world;
  }

  readonly toDevice = (bytes: Buffer): void => {
    this.#world.deviceReader.push(bytes, (packet) => this.#world.judgeToDevice(packet));
  };

  readonly toBroker = (leg: number, bytes: Buffer): void => {
    const { reader } = this.#world.legs.get(leg) ?? {};
    if (reader === undefined) throw new Violation(`S2: nobody attached leg ${leg}`);
    reader.push(bytes, (packet) => this.#world.judgeToBroker(leg, packet));
  };

  readonly readDevice = (wanted: boolean): void => {
    this.#world.readsDevice = wanted;
  };

  readonly readBroker = (leg: number, wanted: boolean): void => {
    const found = this.#world.legs.get(leg);
    if (found !== undefined) found.isRead = wanted;
  };

  readonly legOver = (leg: number, how: 'disconnect' | 'lost'): void => this.#world.handleLegOver(leg, how);
  readonly detached = (): void => this.#world.handleDetached();
  readonly switched = (leg: number): void => this.#world.handleSwitched(leg);
  readonly cutAborted = (leg: number, reason: CutAbort): void => this.#world.handleAborted(leg, reason);
  readonly leaving = (leg: number): void => this.#world.handleLeaving(leg);
  readonly drained = (leg: number): void => this.#world.handleDrained(leg);
  readonly deliveredTwice = (count: number): void => this.#world.handleDeliveredTwice(count);
  readonly subscriptionsChanged = (): void => undefined;
  readonly deviceDone = (): void => this.#world.handleDone();
  readonly failed = (fault: SessionFault): void => this.#world.handleFailed(fault);
  readonly deadlineMoved = (): void => undefined;
  readonly adapted = (): void => undefined;
  readonly maySubscribe = (): boolean => true;
  readonly obstructed = (): void => undefined;

  readonly dropped = (reason: DropReason): void => {
    if (reason === 'held-overflow') this.#world.handleOverflow();
    if (reason === 'not-wanted') this.#world.downlink.noteSuppressed('unwanted');
    if (reason === 'retained-seen') this.#world.downlink.noteSuppressed('seen');
    if (reason === 'expired') throw new Violation(`U3: dropped, ${reason}`);
  };

  readonly recordDropped = (): boolean => true;
}
