import type { Message } from '../model-peer.ts';

/** What a backend published, once. */
export interface Publication {
  readonly origin: number;
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  /** While it was published, a filter that the device holds matched; with a mirror it then has to arrive. */
  isOwed: boolean;
}

/** A publication as one broker has it for the device. */
export interface Copy extends Message {
  readonly publication: Publication;
  readonly broker: number;
  /** The connection that there was when it was published. */
  readonly leg: number | undefined;
  /** Sent because of a SUBSCRIBE, with RETAIN. */
  readonly isRetainedValue: boolean;
  /** Its broker lost it with the session, or the connection that had begun it was lost. */
  isForsaken: boolean;
  /** The gateway kept it from the device: the device has seen that value, or did not ask for it. */
  suppressed: 'seen' | 'unwanted' | undefined;
}

/** Origin and broker, which 0 leaves open, and as much again as makes a payload. */
export function copyPayload(publication: Publication, tag: number): Buffer {
  const payload = Buffer.alloc(5 + (publication.origin % 7), publication.origin & 0xff);
  payload.writeUInt32BE(publication.origin, 0);
  payload[4] = tag;
  return payload;
}

export function filterMatches(filter: string, topic: string, matchesParent: boolean): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return matchesParent || levels.length > index;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
