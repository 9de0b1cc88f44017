import { type Rendering, renderImage, renderRefusal, renderTruncated, truncatedOctets } from './answer-image.ts';
import type { AnswerSource } from './answer-source.ts';
import { longestMessageOctets } from './answer-writer.ts';
import { askingNetworkOf } from './asking-network.ts';
import { type CookieState, type ServerCookies, serverCookieOctets } from './cookie.ts';
import {
  bareOpt,
  bareOptOctets,
  type EdnsQuery,
  type OptContent,
  optOctets,
  smallestUdpPayloadOctets,
  udpPayloadOctets,
} from './edns.ts';
import { createImageStore } from './image-store.ts';
import { type Asker, type Exchange, judgeQuery, refusal, type Verdict } from './query-verdict.ts';
import { createQuestionKey, fillQuestionKey, nameKeyOf } from './question-key.ts';
import { type Query, readQuery } from './question-reader.ts';
import { rcode } from './record-type.ts';
import type { ResponseRate } from './response-rate.ts';

/**
 * What became of a message. `slipped`: held back by the limiter, with a TC or BADCOOKIE in its place; `dropped`: held
 * back; `ignored`: no query.
 */
export type MessageFate = 'answered' | 'truncated' | 'slipped' | 'dropped' | 'ignored';

export interface ResponderOptions {
  /** Answer images kept. Default 50 000. */
  readonly images?: number;
  /** RFC 5001; left out where it does not fit. Absent: the option is not answered. */
  readonly nsid?: Uint8Array;
  /** Absent: COOKIE options are not answered, and nobody is exempt from the limiter. */
  readonly cookies?: ServerCookies;
  /** Limits what goes out over UDP. Absent: nothing does. */
  readonly rate?: ResponseRate;
  /** Told once for every message: the type asked for (0: unknown), the rcode (all twelve bits), what became of it. */
  readonly observe?: (type: number, rcode: number, fate: MessageFate) => void;
  /** Told what a lookup threw; the asker gets SERVFAIL. */
  readonly onFault?: (fault: unknown) => void;
}

/**
 * Bytes in, bytes out: the answer to one message, or undefined for silence. It keeps answers of the last `source` that
 * it saw, so that there is one for each thread. `nowMs` is the wall clock; the answer is a buffer of its own.
 */
export type Responder = (
  message: Uint8Array,
  asker: Asker,
  nowMs: number,
  source: AnswerSource,
) => Uint8Array | undefined;

export function createResponder(options: ResponderOptions): Responder {
  const { cookies, rate, nsid, observe } = options;
  const store = createImageStore({ capacity: options.images ?? 50_000 });
  const key = createQuestionKey();
  const serverCookie = new Uint8Array(serverCookieOctets);

  function lookUp({ message, query, asker, nowMs, source }: Exchange): Verdict {
    fillQuestionKey(key, message, query);
    try {
      const network = () => askingNetworkOf(asker.address, query.edns?.clientSubnet);
      const found = store.find({ source, key, network, nowMs });
      const { image } = found.stored;
      return { rcode: image.rcode, extendedErrors: image.extendedErrors, found };
    } catch (fault) {
      options.onFault?.(fault);
      return refusal(rcode.SERVFAIL);
    }
  }

  const lookups = {
    lookUp,
    isOrigin: ({ message, query, source }: Exchange) => {
      fillQuestionKey(key, message, query);
      return source.isOrigin(nameKeyOf(key));
    },
  };

  /** The state of the asker's cookie; the server's goes to `serverCookie`. */
  function takeCookie(message: Uint8Array, query: Query, asker: Asker, nowMs: number): CookieState | undefined {
    const { edns } = query;
    if (cookies === undefined || edns === undefined || edns.cookieAt === 0 || edns.isMalformed) return undefined;
    const nowSeconds = Math.floor(nowMs / 1_000);
    cookies.write(serverCookie, 0, { message, at: edns.cookieAt }, asker.address, nowSeconds);
    return cookies.judge(message, edns.cookieAt, edns.cookieLength, asker.address, nowSeconds);
  }

  function optOf(verdict: Verdict, edns: EdnsQuery, cookie: CookieState | undefined): OptContent {
    return {
      rcode: verdict.rcode,
      isDnssecOk: edns.isDnssecOk,
      isCompactOk: verdict.found?.stored.image.isCompact === true,
      nsid: edns.wantsNsid ? nsid : undefined,
      cookie: cookie === undefined ? undefined : { clientAt: edns.cookieAt, server: serverCookie },
      clientSubnet: subnetOf(verdict, edns),
      extendedErrors: verdict.extendedErrors,
    };
  }

  /** What goes out in the place of an answer that the limiter held back. */
  function slipOf(
    verdict: Verdict,
    rendering: Rendering,
    cookie: CookieState | undefined,
  ): Rendering & { code: number } {
    const { opt } = rendering;
    // RFC 7873 section 5.2.3: who has shown a client cookie gets the server cookie that frees it from the limiter.
    const code = cookie === undefined ? verdict.rcode : rcode.BADCOOKIE;
    const bare = opt && { ...bareOpt(opt), rcode: code };
    return { ...rendering, opt: bare, code };
  }

  /** The answer itself, what goes out in its place, or undefined. */
  function rated(answer: Uint8Array, verdict: Verdict, exchange: Exchange, rendering: Rendering): Rated {
    if (rate === undefined || exchange.asker.transport === 'tcp' || exchange.cookie === 'valid') return { answer };
    const { message, query, asker, nowMs } = exchange;
    const fate = rate.judge(
      asker.address,
      {
        queryOctets: message.length,
        answerOctets: answer.length,
        slipOctets: query.questionEnd + (rendering.opt === undefined ? 0 : bareOptOctets(rendering.opt)),
        answerClass: verdict.found?.stored.answerClass ?? verdict.rcode,
      },
      nowMs,
    );
    if (fate === 'answer') return { answer };
    if (fate === 'drop') return { fate: 'dropped' };
    const slip = slipOf(verdict, rendering, exchange.cookie);
    const image = verdict.found?.stored.image;
    const isCut = image !== undefined && slip.code !== rcode.BADCOOKIE;
    return { answer: isCut ? renderTruncated(image, slip) : renderRefusal(slip.code, slip), fate: 'slipped' };
  }

  return (message, asker, nowMs, source) => {
    const query = readQuery(message);
    if (query === undefined) {
      observe?.(0, rcode.NOERROR, 'ignored');
      return undefined;
    }
    const { edns } = query;
    const cookie = takeCookie(message, query, asker, nowMs);
    const exchange: Exchange = { message, query, asker, cookie, nowMs, source };
    const verdict = judgeQuery(exchange, lookups);
    const limit = answerLimit(asker, edns);
    const opt = edns === undefined ? undefined : fitted(optOf(verdict, edns, cookie), query, limit);
    const rendering: Rendering = { query, message, limit, opt };
    const { answer, fate } = rated(render(verdict, rendering), verdict, exchange, rendering);
    observe?.(query.type, verdict.rcode, fate ?? (isTruncated(answer) ? 'truncated' : 'answered'));
    return answer;
  };
}

interface Rated {
  readonly answer?: Uint8Array;
  readonly fate?: MessageFate;
}

function render(verdict: Verdict, rendering: Rendering): Uint8Array {
  if (verdict.found !== undefined) return renderImage(verdict.found.stored.image, rendering);
  const { lastRecord } = verdict;
  const fits = truncatedOctets(rendering.query, rendering.opt) + (lastRecord?.length ?? 0) <= rendering.limit;
  return renderRefusal(verdict.rcode, rendering, fits ? lastRecord : undefined);
}

/** RFC 6891 section 6.2.5: what the asker takes, and over UDP no more than goes through unfragmented. */
function answerLimit({ transport }: Asker, edns: EdnsQuery | undefined): number {
  if (transport === 'tcp') return longestMessageOctets;
  if (edns === undefined) return smallestUdpPayloadOctets;
  return Math.min(udpPayloadOctets, Math.max(smallestUdpPayloadOctets, edns.payloadOctets));
}

/** RFC 7871 section 7.2.1: the scope of an answer; nothing for what is no answer about a name. */
function subnetOf({ rcode: code, found }: Verdict, edns: EdnsQuery): OptContent['clientSubnet'] {
  const { clientSubnet, clientSubnetAt: at, clientSubnetLength: length } = edns;
  if (clientSubnet === undefined || found === undefined) return undefined;
  if (code !== rcode.NOERROR && code !== rcode.NXDOMAIN) return undefined;
  return { at, length, scope: clientSubnet.prefixLength === 0 ? 0 : found.scope };
}

/** What only tells a reader something is the first to go where it does not fit beside the question. */
function fitted(opt: OptContent, query: Query, limit: number): OptContent {
  return query.questionEnd + optOctets(opt) <= limit ? opt : { ...opt, nsid: undefined, extendedErrors: [] };
}

function isTruncated(answer: Uint8Array | undefined): boolean {
  return ((answer?.[2] ?? 0) & 2) !== 0;
}
