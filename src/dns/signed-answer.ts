import { type Answer, extendedError } from './answer.ts';
import { denialSet } from './denial.ts';
import type { Lookup } from './lookup.ts';
import type { RecordSet } from './record-set.ts';
import { rcode, recordType } from './record-type.ts';
import { nameKey } from './wire-name.ts';
import type { ZoneSigner } from './zone-signer.ts';

/** Addresses of other names are a courtesy: they are signed for the first time while the answer has cost no more than this. */
const mostMadeForOthers = 2;

export interface SignedQuestion {
  readonly type: number;
  /** The CO flag of the query (RFC 9824 section 5.1). */
  readonly isCompactOk: boolean;
}

/**
 * An answer of a signed zone for who set the DO flag: each set with its RRSIGs behind it, and what does not exist denied
 * by one NSEC of the name itself. A name that does not exist is NOERROR, NXDOMAIN only with the CO flag. `nowMs`: wall
 * clock.
 */
export function signAnswer(lookup: Lookup, question: SignedQuestion, signer: ZoneSigner, nowMs: number): Answer {
  const { answer } = lookup;
  const signing: Signing = {
    signer,
    nowMs,
    unsigned: lookup.unsigned,
    isWithoutData: lookup.denial !== undefined && (lookup.denial.types ?? []).length === 0,
    mayMake: true,
    reusableUntilMs: Number.POSITIVE_INFINITY,
    reusableFromMs: 0,
  };
  const madeBefore = signer.made;
  const asked = question.type === recordType.RRSIG ? someSignatures(lookup, signing) : undefined;
  const proof = asked === undefined ? proofSets(lookup, signer) : [];
  // NSEC is asked for as any type is, and a name that exists has one (RFC 9824 section 3.2).
  const isProofAsked = question.type === recordType.NSEC && lookup.kind === 'no-data';
  const sections = {
    answer: [...withSignatures(isProofAsked ? [...answer.answer, ...proof] : answer.answer, signing), ...(asked ?? [])],
    authority: isProofAsked || asked !== undefined ? [] : withSignatures([...answer.authority, ...proof], signing),
  };
  if (signing.reusableUntilMs === 0) return exhausted;
  const additional = answer.additional.flatMap((set) => {
    signing.mayMake = signer.made - madeBefore < mostMadeForOthers;
    return withSignatures([set], signing);
  });
  const isRestored = answer.rcode !== rcode.NXDOMAIN || question.isCompactOk;
  return {
    ...answer,
    ...sections,
    isCompact: question.isCompactOk,
    additional,
    rcode: isRestored ? answer.rcode : rcode.NOERROR,
    // What was left out for now comes with the next answer.
    reusableUntilMs: Math.min(
      signing.reusableUntilMs === 0 ? nowMs : signing.reusableUntilMs,
      answer.reusableUntilMs ?? Number.POSITIVE_INFINITY,
    ),
    reusableFromMs: signing.reusableFromMs,
  };
}

/** Who asks for RRSIG gets those of one set of the name, as with ANY (RFC 8482 section 7); of an empty one, NODATA. */
function someSignatures({ kind, denial }: Lookup, signing: Signing): readonly RecordSet[] | undefined {
  const { nodeByKey } = signing.signer.zone;
  const node = kind === 'no-data' && denial !== undefined ? nodeByKey.get(nameKey(denial.name)) : undefined;
  const [set] = node?.place === 'authoritative' ? node.setByType.values() : [];
  return set === undefined ? undefined : withSignatures([set], signing).slice(1);
}

/** RFC 8914: who validates learns that another try may do. */
const exhausted: Answer = {
  rcode: rcode.SERVFAIL,
  authoritative: false,
  answer: [],
  authority: [],
  additional: [],
  reusableUntilMs: 0,
  extendedErrors: [{ infoCode: extendedError.notReady, text: 'more names to sign than are allowed in a second' }],
};

interface Signing {
  readonly signer: ZoneSigner;
  readonly nowMs: number;
  readonly unsigned: ReadonlySet<RecordSet>;
  /** The NSEC says that there is no such name, or none with data: such names are free to whoever floods. */
  readonly isWithoutData: boolean;
  mayMake: boolean;
  /** The least of all signatures; 0: one could not be made. */
  reusableUntilMs: number;
  /** The greatest of all signatures. */
  reusableFromMs: number;
}

/** What validators need besides the answer: the DS of a cut or that it has none; what does not exist. */
function proofSets({ denial, cut }: Lookup, { zone }: ZoneSigner): readonly RecordSet[] {
  if (denial !== undefined) return [denialSet(denial.name, denial.types, denial.ttl)];
  if (cut === undefined) return [];
  return [cut.setByType.get(recordType.DS) ?? denialSet(cut.owner, [recordType.NS], zone.negativeSoa.ttl)];
}

/** A set that cannot be signed now is left out; that is for the caller to judge. */
function withSignatures(sets: readonly RecordSet[], signing: Signing): readonly RecordSet[] {
  return sets.flatMap((set) => {
    if (signing.unsigned.has(set)) return [set];
    const isDenial = signing.isWithoutData && set.type === recordType.NSEC;
    const signatures = signing.signer.signatures({ set, isDenial, mayMake: signing.mayMake }, signing.nowMs);
    signing.reusableUntilMs = Math.min(signing.reusableUntilMs, signatures?.reusableUntilMs ?? 0);
    signing.reusableFromMs = Math.max(signing.reusableFromMs, signatures?.reusableFromMs ?? 0);
    return signatures === undefined ? [] : [set, signatures.set];
  });
}
