import { Violation } from '../flow-ledger.ts';
import { type ModelPacket, noBytes } from '../model-packets.ts';
import type { Exchange } from '../model-peer.ts';
import { type Copy, copyPayload, filterMatches, type Publication } from './leg-copy.ts';

/** Behind a SUBSCRIBE of the device nobody can tell what the gateway's own, just before it, still brings, for each filter. */
const mostAnswers = 4;

/** A SUBSCRIBE of the device, and what has come because of it. */
interface Asked {
  readonly filter: string;
  readonly leg: number | undefined;
  readonly given: Map<Publication, number>;
}

/** What comes to the device, from all brokers: each delivery and each acknowledgement upstream is held against what the brokers have. */
export class DownlinkLedger {
  readonly publications: Publication[] = [];
  /** The broker whose bytes the machine is handling: most often what it says comes of them. */
  speaker: number | undefined;
  readonly #copies: Copy[] = [];
  readonly #copiesByPayload = new Map<string, Copy[]>();
  readonly #isTagged: boolean;
  readonly #isDevice5: boolean;
  readonly #window: number;
  /** Deliveries that the device has not finished, by its identifier. */
  readonly #inflight = new Map<number, Copy>();
  readonly #resolved = new WeakMap<ModelPacket, Copy>();
  readonly #lastByTopic = new Map<string, string>();
  /** How often a retained value may come though it was seen: the device asked for it. */
  readonly #asked: Asked[] = [];
  readonly #suppressed = { seen: 0, unwanted: 0 };

  /** A broker was slower than it is waited for: what it retains may come when nobody looks out for it. */
  mayBeLate = false;
  /** Filters of the device's SUBSCRIBE packets that have no answer. */
  unanswered: () => readonly string[] = () => [];

  constructor(terms: { readonly isTagged: boolean; readonly isDevice5: boolean; readonly window: number }) {
    this.#isTagged = terms.isTagged;
    this.#isDevice5 = terms.isDevice5;
    this.#window = terms.window;
  }

  createPublication(fields: Omit<Publication, 'origin'>): Publication {
    const publication = { origin: this.publications.length, ...fields };
    this.publications.push(publication);
    return publication;
  }

  copyOf(
    publication: Publication,
    { broker, leg, qos, isRetainedValue }: Pick<Copy, 'broker' | 'leg' | 'qos' | 'isRetainedValue'>,
  ): Copy {
    const isTagged = this.#isTagged && !publication.retain;
    const copy: Copy = {
      publication,
      broker,
      leg,
      isRetainedValue,
      isForsaken: false,
      suppressed: undefined,
      number: this.#copies.length,
      qos,
      topic: publication.topic,
      retain: isRetainedValue,
      payload: copyPayload(publication, isTagged ? broker + 1 : 0),
      properties: noBytes,
      isExempt: false,
      connection: 0,
      answered: -1,
      isUnread: false,
      told: -1,
      forwardedOn: -1,
      arrivals: 0,
    };
    this.#copies.push(copy);
    const key = copy.payload.toString('hex');
    this.#copiesByPayload.set(key, [...(this.#copiesByPayload.get(key) ?? []), copy]);
    return copy;
  }

  /** The device subscribes: what it had seen it gets once more, on that leg; undefined: on any. */
  noteAsked(filter: string, leg: number | undefined): void {
    this.#asked.push({ filter, leg, given: new Map() });
  }

  /** What the device reads is what the judge took it for. */
  messageOf(packet: ModelPacket): Copy {
    const copy = this.#resolved.get(packet);
    if (copy === undefined) throw new Violation('D8 downlink: a payload that nobody sent');
    return copy;
  }

  judgePublish(packet: ModelPacket): void {
    const copy = this.#resolve(packet);
    this.#resolved.set(packet, copy);
    if (copy.topic !== packet.topic) throw new Violation(`D8 downlink: copy ${copy.number} has topic ${packet.topic}`);
    if (packet.properties.length > 0) throw new Violation(`D8 downlink: copy ${copy.number} has properties`);
    this.#judgeRetained(packet, copy);
    this.#lastByTopic.set(copy.topic, copy.payload.toString('hex'));
    this.#judgeRepeat(packet, copy);
    copy.forwardedOn = packet.id;
    if (packet.qos === 0) return;
    this.#inflight.set(packet.id, copy);
    if (this.#inflight.size > this.#window)
      throw new Violation(`D3: ${this.#inflight.size} are in flight to the device`);
  }

  /** Of the copies with this payload the one that is meant: under way under that identifier, or the next that has not gone. */
  #resolve(packet: ModelPacket): Copy {
    const copies = this.#copiesByPayload.get(packet.payload.toString('hex')) ?? [];
    const fitting = copies.filter(({ qos }) => qos === packet.qos);
    if (fitting.length === 0) {
      const what =
        copies.length === 0 ? 'a payload that nobody sent' : `copy ${copies[0]?.number} at QoS ${packet.qos}`;
      throw new Violation(`D7: ${what}`);
    }
    const wasRetained = (packet.firstByte & 1) !== 0;
    const underWay = packet.qos > 0 ? this.#inflight.get(packet.id) : undefined;
    const isSame = underWay !== undefined && fitting.includes(underWay);
    const hasDup = (packet.firstByte & 8) !== 0;
    const isFresh = (copy: Copy) =>
      copy.forwardedOn < 0 && copy.retain === wasRetained && copy.suppressed === undefined;
    const isKnown = (copy: Copy) => copy.forwardedOn >= 0 || copy.suppressed !== undefined;
    const isAgain = (copy: Copy) => hasDup && copy.isUnread && isKnown(copy) && copy.retain === wasRetained;
    const spoken = fitting.filter(({ broker }) => broker === this.speaker);
    const isAsked = (copy: Copy) => isFresh(copy) && this.#askedFor(copy) !== undefined;
    const ofSpeaker = spoken.find(isAgain) ?? spoken.find(isAsked) ?? spoken.find(isFresh);
    const next = ofSpeaker ?? fitting.find(isAgain) ?? fitting.find(isAsked) ?? fitting.find(isFresh);
    const copy = isSame
      ? underWay
      : (next ?? fitting.findLast((other) => other.retain === wasRetained) ?? fitting.at(-1));
    return copy as Copy;
  }

  #judgeRetained(packet: ModelPacket, copy: Copy): void {
    const hasRetain = (packet.firstByte & 1) !== 0;
    if (hasRetain !== copy.retain) throw new Violation(`C10: copy ${copy.number} has RETAIN changed`);
    if (!hasRetain) return;
    const isSeen = this.#lastByTopic.get(copy.topic) === copy.payload.toString('hex');
    const isRepeat = copy.isUnread || (packet.qos > 0 && this.#inflight.get(packet.id) === copy);
    // What comes before SUBACK is not the answer to it.
    const isEarly = this.unanswered().some((filter) => filterMatches(filter, copy.topic, true));
    if (isRepeat || (isEarly && !isSeen) || this.#takeAsked(copy)) return;
    if (isSeen && !this.mayBeLate) throw new Violation(`D5: the retained value of ${copy.topic} comes again`);
  }

  #takeAsked(copy: Copy): boolean {
    const asked = this.#askedFor(copy);
    if (asked === undefined) return false;
    asked.given.set(copy.publication, (asked.given.get(copy.publication) ?? 0) + 1);
    return true;
  }

  #askedFor({ topic, publication, leg }: Copy): Asked | undefined {
    return this.#asked.find((asked) => {
      const isOther = asked.leg !== undefined && asked.leg !== leg;
      const given = asked.given.get(publication) ?? 0;
      return !isOther && given < mostAnswers && filterMatches(asked.filter, topic, true);
    });
  }

  #judgeRepeat(packet: ModelPacket, copy: Copy): void {
    const other = packet.qos > 0 ? this.#inflight.get(packet.id) : undefined;
    if (other !== undefined && other !== copy) {
      throw new Violation(`D3: identifier ${packet.id} is copy ${other.number}'s and comes with ${copy.number}`);
    }
    if (copy.forwardedOn < 0) return;
    if (other === copy && this.#isDevice5) throw new Violation(`D6: copy ${copy.number} comes twice on one connection`);
    if (other === copy && (packet.firstByte & 8) === 0)
      throw new Violation(`D6: copy ${copy.number} comes again without DUP`);
    if (other === undefined && copy.qos !== 1)
      throw new Violation(`U9 downlink: copy ${copy.number} of QoS ${copy.qos} comes again`);
    if (other === undefined && !copy.isUnread)
      throw new Violation(`D6: copy ${copy.number} comes again though the device has taken it`);
  }

  /** An answer of the device has gone into the machine. */
  noteAnswer(type: number, id: number): void {
    const copy = this.#inflight.get(id);
    if (copy === undefined) return;
    if (type === 4 || type === 5) copy.answered = 0;
    if (type === 4 || type === 7) this.#inflight.delete(id);
    if (type === 7) copy.told = 0;
  }

  /** The machine acknowledged a delivery to its broker. */
  judgeAnswer(exchange: Exchange | undefined, { type, id }: ModelPacket): void {
    if (exchange === undefined)
      throw new Violation(`D2: an answer of type ${type} for identifier ${id}, under which nothing came`);
    const copy = exchange.message as Copy;
    if (type !== 7 && (type === 4) !== (copy.qos === 1))
      throw new Violation(`D2: an answer of type ${type} at QoS ${copy.qos}`);
    if (type === 7 && !exchange.isReleased) throw new Violation(`D2: PUBCOMP ${id} before PUBREL`);
    const isEarned = this.#twins(copy).some(({ answered, told }) => (type === 7 ? told : answered) >= 0);
    if (isEarned && copy.isRetainedValue && copy.forwardedOn < 0) copy.suppressed = 'seen';
    if (isEarned || copy.suppressed !== undefined) return;
    copy.suppressed = copy.isRetainedValue ? this.#suppression(copy) : undefined;
    if (copy.suppressed === undefined) throw new Violation(`D2: copy ${copy.number} was not answered by the device`);
  }

  /** Why the gateway kept a retained value from the device, as far as it said so. */
  #suppression(copy: Copy): Copy['suppressed'] {
    if (this.#twins(copy).some(({ forwardedOn }) => forwardedOn >= 0)) return 'seen';
    for (const why of ['unwanted', 'seen'] as const) {
      if (this.#suppressed[why] === 0) continue;
      this.#suppressed[why] -= 1;
      return why;
    }
    return undefined;
  }

  #twins(copy: Copy): readonly Copy[] {
    return this.#copiesByPayload.get(copy.payload.toString('hex')) ?? [];
  }

  /** A retained value that the gateway's own SUBSCRIBE brought is kept from the device, and that is counted. */
  noteSuppressed(why: 'seen' | 'unwanted'): void {
    this.#suppressed[why] += 1;
  }

  /** The device wants no more of a filter: what is under way for it need not come. */
  noteGivenUp(filter: string): void {
    for (const publication of this.publications) {
      if (filterMatches(filter, publication.topic, true)) publication.isOwed = false;
    }
  }

  judgeRest({ isMirrored }: { readonly isMirrored: boolean }): void {
    const arrived = new Map<Publication, number>();
    for (const copy of this.#copies) {
      const { publication, number, qos, arrivals, isForsaken, suppressed } = copy;
      arrived.set(publication, (arrived.get(publication) ?? 0) + arrivals);
      if (qos === 2 && arrivals > 1) throw new Violation(`U9 downlink: copy ${number} arrived ${arrivals} times`);
      if (qos === 0 || isForsaken || suppressed === 'unwanted' || arrivals > 0) continue;
      if (!this.#twins(copy).some((twin) => twin.arrivals > 0))
        throw new Violation(`D1: copy ${number} of broker ${copy.broker} is lost`);
    }
    if (!isMirrored) return;
    for (const publication of this.publications) {
      const { isOwed, qos, origin } = publication;
      if (isOwed && qos > 0 && (arrived.get(publication) ?? 0) === 0)
        throw new Violation(`D1: publication ${origin} never came`);
    }
  }
}
