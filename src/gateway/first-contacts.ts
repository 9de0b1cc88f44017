import { hash } from 'node:crypto';
import { AcceptedIdentities } from './accepted-identities.ts';
import type { BrokerTraits } from './credential-policy.ts';
import {
  type ArrivalChoice,
  afterClose,
  afterContact,
  afterRefusal,
  chooseAtArrival,
  contactRank,
  type FirstContactTerms,
  isMetered,
  openReception,
  type Reception,
  uncontacted,
  type Waiting,
} from './first-contact-choice.ts';
import type { GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** Per broker and worker: identities that are known to be accepted, and those that wait. */
const bounds = { accepted: 200_000, waiting: 100_000 } as const;

/** A device at a broker that has an identity of its own from each. */
export interface ContactedDevice {
  readonly broker: string;
  readonly device: UpstreamDevice;
}

/** Why a live session waits for the broker that the plan wants. */
export interface ContactWait {
  readonly reason: string;
  readonly isRefused: boolean;
  readonly isDue: boolean;
  /** Those with the lowest are asked for first. */
  readonly rank: 0 | 1 | 2;
}

interface Acquaintance {
  readonly terms: FirstContactTerms;
  readonly accepted: AcceptedIdentities;
  readonly waiting: Map<number, Waiting>;
  reception: Reception;
  /** Monotonic milliseconds at which any identity was accepted last. */
  acceptedMs: number;
}

type Ports = Pick<GatewayPorts, 'clock' | 'metrics' | 'random' | 'registrations'>;

/** What one worker knows of who is known to the brokers that have an identity of its own from each device. */
export class FirstContacts {
  readonly #ports: Ports;
  readonly #byBroker: ReadonlyMap<string, Acquaintance>;
  /** Each is asked about many times while a move runs. */
  readonly #identities = new WeakMap<UpstreamDevice, number>();

  constructor({ brokers = {} }: Pick<GatewaySettings, 'brokers'>, ports: Ports) {
    this.#ports = ports;
    this.#byBroker = new Map(
      Object.entries(brokers).flatMap(([name, { identity }]) =>
        identity?.firstContact === undefined ? [] : [[name, createAcquaintance(identity.firstContact)]],
      ),
    );
  }

  /** Undefined: the broker knows devices otherwise, and nothing here concerns it. */
  termsOf(broker: string): FirstContactTerms | undefined {
    return this.#byBroker.get(broker)?.terms;
  }

  /** What becomes of a CONNECT that the plan wants at the broker. */
  arrive({ broker, device }: ContactedDevice, hasSource: boolean): ArrivalChoice {
    const known = this.#byBroker.get(broker);
    if (known === undefined) return 'dial';
    const identity = this.#identityOf(device);
    const nowMs = this.#nowMs();
    const waiting = known.waiting.get(identity);
    const isAccepted = known.accepted.has(identity);
    const choice = chooseAtArrival({
      isAccepted,
      waiting,
      isMetered: isMetered(known.reception, nowMs),
      hasSource,
      nowMs,
    });
    if (choice === 'source') {
      this.#count(broker, 'source-first');
      if (waiting === undefined) keep(known, identity, uncontacted(nowMs));
    }
    return choice;
  }

  isMetered(broker: string): boolean {
    const known = this.#byBroker.get(broker);
    return known !== undefined && isMetered(known.reception, this.#nowMs());
  }

  /** A close at CONNECT says something of the endpoint only where the identity has been accepted before. */
  isAccepted({ broker, device }: ContactedDevice): boolean {
    return this.#byBroker.get(broker)?.accepted.has(this.#identityOf(device)) ?? true;
  }

  /** CONNACK 0. */
  noteAccepted({ broker, device }: ContactedDevice): void {
    const known = this.#byBroker.get(broker);
    if (known === undefined) return;
    const identity = this.#identityOf(device);
    const nowMs = this.#nowMs();
    known.acceptedMs = nowMs;
    const wasAccepted = known.accepted.has(identity);
    known.accepted.add(identity);
    known.waiting.delete(identity);
    if (wasAccepted) return;
    known.reception = afterContact(known.reception, false, nowMs);
    this.#count(broker, 'accepted');
  }

  /** It closed at CONNECT, without CONNACK. */
  noteClosed({ broker, device }: ContactedDevice): void {
    const known = this.#byBroker.get(broker);
    if (known === undefined) return;
    const identity = this.#identityOf(device);
    const nowMs = this.#nowMs();
    const before = known.waiting.get(identity);
    const after = afterClose(before, known.terms, { nowMs, random: this.#random() });
    known.accepted.delete(identity);
    known.reception = afterContact(known.reception, true, nowMs);
    keep(known, identity, after);
    this.#ports.registrations?.spend(broker, 1);
    this.#count(broker, 'closed');
    if (after.isRefused && before?.isRefused !== true) this.#count(broker, 'refused');
  }

  /** CONNACK "not authorized", or the registrar's word: it is the gateway's certificate that is refused. */
  noteRefused({ broker, device }: ContactedDevice): void {
    const known = this.#byBroker.get(broker);
    if (known === undefined) return;
    const identity = this.#identityOf(device);
    const before = known.waiting.get(identity);
    known.accepted.delete(identity);
    keep(known, identity, afterRefusal(before, { nowMs: this.#nowMs(), random: this.#random() }));
    if (before?.isRefused !== true) this.#count(broker, 'refused');
  }

  /** Undefined: nothing stands between the session and the broker, as far as that is known without asking it. */
  waitOf({ broker, device }: ContactedDevice): ContactWait | undefined {
    const known = this.#byBroker.get(broker);
    if (known === undefined) return undefined;
    const nowMs = this.#nowMs();
    const metered = isMetered(known.reception, nowMs);
    if (known.waiting.size === 0 && !metered) return undefined;
    const identity = this.#identityOf(device);
    const waiting = known.waiting.get(identity);
    if (waiting === undefined && (!metered || known.accepted.has(identity))) return undefined;
    const isRefused = waiting?.isRefused ?? false;
    const isDue = waiting === undefined || nowMs >= waiting.dueMs;
    return { reason: reasonOf(broker, waiting), isRefused, isDue, rank: contactRank(waiting ?? { closes: 0 }) };
  }

  /** It was closed there, or kept on its source without having been asked for. */
  isWaiting({ broker, device }: ContactedDevice): boolean {
    const waiting = this.#byBroker.get(broker)?.waiting;
    return waiting !== undefined && waiting.size > 0 && waiting.has(this.#identityOf(device));
  }

  /** Some identity was accepted since then. */
  hasAcceptedSince(broker: string, sinceMs: number): boolean {
    return (this.#byBroker.get(broker)?.acceptedMs ?? Number.NEGATIVE_INFINITY) > sinceMs;
  }

  /** Calls `handleGranted` when one more identity may be tried; a token is given back where no registration came of it. */
  take(broker: string, handleGranted: () => void): () => void {
    const { registrations } = this.#ports;
    if (registrations !== undefined) return registrations.take(broker, handleGranted);
    const immediate = setImmediate(handleGranted);
    return () => clearImmediate(immediate);
  }

  /** The contact that a token was taken for is over: what a close costs has been paid by itself. */
  giveBack(broker: string): void {
    this.#ports.registrations?.spend(broker, -1);
  }

  #identityOf(device: UpstreamDevice): number {
    const known = this.#identities.get(device);
    if (known !== undefined) return known;
    const identity = identityOf(device);
    this.#identities.set(device, identity);
    return identity;
  }

  #count(broker: string, result: string): void {
    this.#ports.metrics.firstContacts.inc({ broker, result });
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #random(): number {
    return (this.#ports.random ?? Math.random)();
  }
}

/** Whether the broker is one that may not know a device. */
export function hasFirstContact(traits: BrokerTraits | undefined): boolean {
  return traits?.identity?.firstContact !== undefined;
}

function createAcquaintance(terms: FirstContactTerms): Acquaintance {
  return {
    terms,
    accepted: new AcceptedIdentities(bounds.accepted),
    waiting: new Map(),
    reception: openReception,
    acceptedMs: Number.NEGATIVE_INFINITY,
  };
}

/** One that is forgotten is an unknown one again, and costs a further contact. */
function keep({ waiting }: Acquaintance, identity: number, entry: Waiting): void {
  waiting.delete(identity);
  const [oldest] = waiting.keys();
  if (oldest !== undefined && waiting.size >= bounds.waiting) waiting.delete(oldest);
  waiting.set(identity, entry);
}

/** 48 bits of the device key: a number is small, and two devices of one number would cost one of them a contact. */
function identityOf({ identity }: UpstreamDevice): number {
  const { kind = '', key = '' } = identity?.key ?? {};
  return hash('sha256', `${kind}|${key}`, 'buffer').readUIntBE(0, 6);
}

function reasonOf(broker: string, waiting: Waiting | undefined): string {
  if (waiting?.isRefused === true) {
    return `refused by ${broker}: it does not take its CONNECT again and again; its certificate is not active there, or a policy or an authorizer forbids it`;
  }
  if (waiting === undefined || waiting.closes === 0) {
    return `unregistered: its first contact with ${broker} waits for its turn`;
  }
  return `unregistered: ${broker} does not know it yet (closed ${waiting.closes} times)`;
}
