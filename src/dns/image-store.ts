import type { Answer } from './answer.ts';
import type { AnswerChoices, AnswerSource, Question } from './answer-source.ts';
import { type AnswerImage, createAnswerWriter } from './answer-writer.ts';
import type { AskingNetwork } from './asking-network.ts';
import { createGenerationCache, type GenerationCache } from './generation-cache.ts';
import { isSameKey, keptOctets, type QuestionKey, questionOfKey } from './question-key.ts';
import { rcode, recordType } from './record-type.ts';
import { nameKey } from './wire-name.ts';

/** An image and what is decided by it. */
export interface StoredImage {
  readonly image: AnswerImage;
  readonly reusableUntilMs: number;
  readonly reusableFromMs: number;
  /** The same for answers that the rate limiter counts as the same. */
  readonly answerClass: number;
}

export interface FoundImage {
  readonly stored: StoredImage;
  /** Bits of the asking network that it was chosen by. */
  readonly scope: number;
}

/** Images by question, of one snapshot at a time. */
export interface ImageStore {
  find(ask: ImageRequest): FoundImage;
}

export interface ImageRequest {
  readonly source: AnswerSource;
  /** Questions with the same key have the same answers. */
  readonly key: QuestionKey;
  network(): AskingNetwork;
  readonly nowMs: number;
}

/** What is kept for a question, by the hash of its key. */
type Entry = FixedEntry | VaryingEntry;
interface FixedEntry {
  readonly kind: 'fixed';
  readonly key: Uint8Array;
  readonly found: FoundImage;
}
interface VaryingEntry {
  readonly kind: 'varies';
  readonly key: Uint8Array;
  readonly question: Question;
  readonly choices: AnswerChoices;
  readonly images: Map<object, StoredImage>;
}

/** Sites and addresses of one name; an operator who has more of them pays with writing some answers anew. */
const mostChoices = 256;

export function createImageStore({ capacity }: { readonly capacity: number }): ImageStore {
  const write = createAnswerWriter();
  let current: AnswerSource | undefined;
  let entries: GenerationCache<Entry> = createGenerationCache(capacity);

  function store(question: Question, answer: Answer): StoredImage {
    return {
      image: write(question, answer),
      reusableUntilMs: answer.reusableUntilMs ?? Number.POSITIVE_INFINITY,
      reusableFromMs: answer.reusableFromMs ?? Number.NEGATIVE_INFINITY,
      answerClass: answerClassOf(question, answer),
    };
  }

  function resolve({ source, key, nowMs }: ImageRequest): Entry {
    const question = questionOfKey(key);
    const octets = keptOctets(key);
    const resolution = source.resolve(question, nowMs);
    if (resolution.kind === 'varies') {
      return { kind: 'varies', key: octets, question, choices: resolution.choices, images: new Map() };
    }
    return { kind: 'fixed', key: octets, found: { stored: store(question, resolution.answer), scope: 0 } };
  }

  function choose(entry: VaryingEntry, network: AskingNetwork, nowMs: number): FoundImage {
    const { question, choices, images } = entry;
    const choice = choices.choose(network);
    const scope = choices.scopeOf(network);
    const known = images.get(choice);
    if (known !== undefined && isReusable(known, nowMs)) return { stored: known, scope };
    const stored = store(question, choices.answerFor(choice, nowMs));
    if (images.size >= mostChoices) images.clear();
    if (isReusable(stored, nowMs)) images.set(choice, stored);
    return { stored, scope };
  }

  return {
    find(request) {
      if (request.source !== current) {
        current = request.source;
        entries = createGenerationCache(capacity);
      }
      let entry = entries.get(request.key.hash);
      // Two questions with one hash push each other out: dear for them, and nobody else notices.
      if (entry === undefined || !isSameKey(entry.key, request.key) || isStale(entry, request.nowMs)) {
        entry = resolve(request);
        entries.set(request.key.hash, entry);
      }
      return entry.kind === 'fixed' ? entry.found : choose(entry, request.network(), request.nowMs);
    },
  };
}

function isStale(entry: Entry, nowMs: number): boolean {
  return entry.kind === 'fixed' && !isReusable(entry.found.stored, nowMs);
}

function isReusable({ reusableFromMs, reusableUntilMs }: StoredImage, nowMs: number): boolean {
  return nowMs >= reusableFromMs && nowMs < reusableUntilMs;
}

/**
 * Answers about names that do not exist count as one answer of their zone, referrals as one of their cut: names that
 * nobody has asked for before are free to whoever floods.
 */
function answerClassOf(question: Question, { rcode: code, answer, authority }: Answer): number {
  const isPositive = answer.length > 0;
  const owner = authority.find(({ type }) => type === recordType.SOA || type === recordType.NS)?.owner;
  const isShared = !isPositive && owner !== undefined && (code === rcode.NXDOMAIN || isReferral(authority));
  const key = isShared ? nameKey(owner) : code === rcode.REFUSED ? '' : question.key;
  let hash = 0x811c9dc5 ^ (code << 16) ^ (isShared ? 0 : question.type);
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

function isReferral(authority: Answer['authority']): boolean {
  return authority.every(({ type }) => type !== recordType.SOA);
}
