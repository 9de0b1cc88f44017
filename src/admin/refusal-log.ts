import type { FastifyRequest } from 'fastify';
import { createTokenBucket } from '../base/rates.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Problem } from './admin-api.ts';

/** Lines per second: whoever guesses tokens must not fill the disk. */
const linesPerSecond = 1;
const maxPathLength = 200;

/**
 * Logs requests that were refused for their token or its role, with the number of all refusals so far, so that what
 * the rate leaves out is counted. Neither the token nor the query is in a line.
 */
export function createRefusalLog(log: Logger): (request: FastifyRequest, problem: Problem) => void {
  const bucket = createTokenBucket({ ratePerSecond: linesPerSecond, startsFull: true });
  let refusals = 0;
  return (request, { status, detail }) => {
    refusals += 1;
    if (!bucket.take(performance.now())) return;
    const path = (request.url.split('?')[0] ?? '').slice(0, maxPathLength);
    const peer = request.socket.remoteAddress ?? 'unknown';
    log.warn({ peer, method: request.method, path, status, reason: detail, refusals }, 'An admin request was refused');
  };
}
