import type { HostPort } from '../base/addresses.ts';
import type { CidrBlock } from '../base/cidr.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { AnswerSource, Resolution } from '../dns/answer-source.ts';
import { createServerCookies } from '../dns/cookie.ts';
import { createNearTable } from '../dns/near-table.ts';
import { createResponder, type Responder } from '../dns/responder.ts';
import { createResponseRate, type ResponseRate } from '../dns/response-rate.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AnswerMessage } from './answering.ts';
import { NameserverSockets } from './nameserver-sockets.ts';
import { type AddQueries, type AddResults, QueryCounter } from './query-counter.ts';
import { SeenAskers, type SeenAskersDocument } from './seen-askers.ts';
import type { TcpLimits } from './tcp-service.ts';

export interface NameserverOptions {
  readonly tcp: TcpLimits;
  /** Answer images kept. */
  readonly images: number;
  /** RFC 5001; empty: NSID is not answered. */
  readonly nsid: string;
  /** 16 octets each; the first makes cookies. */
  readonly cookieSecrets: readonly [Uint8Array, ...Uint8Array[]];
  readonly freeOctetsPerSecond: number;
  readonly sameAnswersPerSecond: number;
  /** Networks that the limiter lets pass. */
  readonly unlimited: readonly CidrBlock[];
  /** Nobody outside should know it. */
  readonly seed: number;
}

export interface NameserverDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly addQueries: AddQueries;
  readonly addResults: AddResults;
}

/** Faults that are written in full; one a second of the others is counted. */
const faultLogEveryMs = 1_000;

/** The nameserver of one worker: sockets around one responder, and the snapshot that it answers from. */
export class Nameserver {
  readonly #sockets: NameserverSockets;
  readonly #responder: Responder;
  readonly #counter: QueryCounter;
  readonly #seen = new SeenAskers();
  readonly #deps: NameserverDeps;
  #source: AnswerSource = nothingServed;
  #faultLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: NameserverOptions, deps: NameserverDeps) {
    this.#deps = deps;
    this.#counter = new QueryCounter(deps.addQueries, deps.addResults);
    this.#responder = createResponder({
      images: options.images,
      ...(options.nsid !== '' && { nsid: Buffer.from(options.nsid) }),
      cookies: createServerCookies(options.cookieSecrets),
      rate: createRate(options),
      observe: (type, rcode, fate) => {
        if (fate !== 'ignored') this.#counter.count(type, rcode, fate);
      },
      onFault: (fault) => this.#noteFault(fault),
    });
    const answer: AnswerMessage = (message, address, transport) =>
      this.#responder(message, { address, transport }, deps.clock.wallMs(), this.#source);
    this.#sockets = new NameserverSockets({ answer, clock: deps.clock, log: deps.log, tcp: options.tcp });
  }

  /** Binds UDP and TCP of one address, at a free port for 0. Rejects with CrossfadeError `bind`. */
  listen(bind: HostPort): Promise<HostPort> {
    return this.#sockets.listen(bind);
  }

  /** Every query from now on is answered from this snapshot. */
  swap(source: AnswerSource): void {
    this.#source = { ...source, resolve: (question, nowMs) => this.#watched(source.resolve(question, nowMs)) };
  }

  /** Who asked lately for names whose answer depends on it. */
  get seenAskers(): SeenAskersDocument {
    return this.#seen.document();
  }

  /** Hands the counts on to the metric. */
  flushCounts(): void {
    this.#counter.flush();
  }

  stop(): void {
    this.#sockets.stop();
  }

  #watched(resolution: Resolution): Resolution {
    if (resolution.kind === 'fixed') return resolution;
    const { choices } = resolution;
    return {
      kind: 'varies',
      choices: {
        ...choices,
        choose: (network) => {
          this.#seen.note(network);
          return choices.choose(network);
        },
      },
    };
  }

  /** A question that breaks a lookup may come thousands of times a second. */
  #noteFault(fault: unknown): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#faultLoggedAtMs < faultLogEveryMs) return;
    this.#faultLoggedAtMs = nowMs;
    const stack = fault instanceof Error ? fault.stack : undefined;
    this.#deps.log.error({ error: errorMessage(fault), stack }, 'A DNS question could not be answered');
  }
}

const nothingServed: AnswerSource = {
  resolve: () => {
    throw new Error('A question came before the first snapshot');
  },
  isOrigin: () => false,
};

function createRate(options: NameserverOptions): ResponseRate {
  const { freeOctetsPerSecond, sameAnswersPerSecond, seed, unlimited } = options;
  const rate = createResponseRate({ freeOctetsPerSecond, sameAnswersPerSecond, seed });
  if (unlimited.length === 0) return rate;
  const exempt = createNearTable(unlimited.map((block) => ({ block, value: true })));
  return {
    judge: (address, answer, nowMs) => {
      const isExempt = exempt.longest({ address, prefixLength: address.length * 8 }) !== undefined;
      return isExempt ? 'answer' : rate.judge(address, answer, nowMs);
    },
  };
}
