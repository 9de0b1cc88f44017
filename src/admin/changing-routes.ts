import { z } from 'zod';
import type { AdminBackend, RollbackRequest } from './admin-backend.ts';
import { type AdminRoute, type Answer, answered, defineRoute } from './admin-route.ts';
import { moveAccepted, planDocument } from './document-schemas.ts';
import { parseIfMatch, toETag } from './entity-tag.ts';
import { createProblem, invalidRequest, ProblemError } from './problems.ts';
import { cohortParameters, cutoverBody, planBody, rollbackBody } from './request-schemas.ts';

/** What an operator may do, and replacing the plan, which takes an admin. */
export function createChangingRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [replacePlanRoute(backend), cutoverRoute(backend), ...rollbackRoutes(backend)];
}

const accepted = { status: 202, description: 'A new revision stands, and its move is under way', schema: moveAccepted };

function replacePlanRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'PUT',
    url: '/v1/plan',
    operationId: 'replacePlan',
    summary: 'Replaces the whole plan by a new revision',
    access: 'admin',
    headers: z.object({ 'if-match': z.string().meta({ description: 'The ETag of the revision it was made from' }) }),
    body: planBody,
    success: { status: 200, description: 'The plan that now stands', schema: planDocument },
    problems: ['revision-required', 'revision-conflict', 'body-too-large', 'unsupported-media-type'],
    answer: async ({ headers, body: { revision, reason = '', ...plan }, author }) => {
      const ifMatch = requiredIfMatch(headers['if-match']);
      if (revision !== undefined && revision !== ifMatch) {
        throw invalidRequest([
          { field: 'revision', expected: `${ifMatch} as in If-Match, or none`, got: `${revision}` },
        ]);
      }
      const replaced = answered(await backend.replacePlan({ plan, ifMatch, author, reason }));
      return { status: 200, body: replaced, headers: { etag: toETag(replaced.revision) } };
    },
  });
}

function requiredIfMatch(header: string | string[] | undefined): number {
  if (typeof header !== 'string') {
    const detail = 'Expected If-Match with the ETag of GET /v1/plan, so that nobody else’s revision is lost, got none';
    throw new ProblemError(createProblem('revision-required', detail));
  }
  const revision = parseIfMatch(header);
  if (revision === undefined) {
    throw invalidRequest([{ field: 'If-Match', expected: 'one ETag such as "12"', got: header.slice(0, 80) }]);
  }
  return revision;
}

function cutoverRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/cohorts/:name/cutover',
    operationId: 'cutover',
    summary: 'Sets the weight of a cohort: that share of it goes to its target',
    access: 'operator',
    parameters: cohortParameters,
    body: cutoverBody,
    success: accepted,
    problems: ['not-found', 'revision-conflict', 'body-too-large', 'unsupported-media-type'],
    answer: async ({ parameters, body, author }): Promise<Answer> => {
      const { weight, weightBps = weight ?? 0, reason = '', pacePerSecond, live } = body;
      const request = { weightBps, reason, live, author, ...paced(pacePerSecond) };
      return { status: 202, body: answered(await backend.cutover(parameters.name, request)) };
    },
  });
}

function rollbackRoutes(backend: AdminBackend): readonly AdminRoute[] {
  const shared = {
    method: 'POST',
    access: 'operator',
    body: rollbackBody.prefault({}),
    success: accepted,
  } as const;
  const rollback = async (scope: RollbackRequest['scope'], body: z.output<typeof rollbackBody>, author: string) => {
    const { to, toBps = to ?? 0, revision, reason = '', pacePerSecond, live } = body;
    const aim = revision === undefined ? { weightBps: toBps } : { revision };
    const request = { scope, to: aim, reason, live, author, ...paced(pacePerSecond) };
    return { status: 202, body: answered(await backend.rollback(request)) };
  };
  return [
    defineRoute({
      ...shared,
      url: '/v1/cohorts/:name/rollback',
      operationId: 'rollbackCohort',
      summary: 'Takes a cohort back to its source, or to a lower weight or an earlier revision',
      parameters: cohortParameters,
      problems: ['not-found', 'revision-conflict', 'body-too-large', 'unsupported-media-type'],
      answer: ({ parameters, body, author }) => rollback({ cohort: parameters.name }, body, author),
    }),
    defineRoute({
      ...shared,
      url: '/v1/rollback',
      operationId: 'rollbackAll',
      summary: 'Takes every cohort back',
      problems: ['not-found', 'revision-conflict', 'body-too-large', 'unsupported-media-type'],
      answer: ({ body, author }) => rollback({ all: true }, body, author),
    }),
  ];
}

function paced(pacePerSecond: number | undefined): { readonly pacePerSecond?: number } {
  return pacePerSecond === undefined ? {} : { pacePerSecond };
}
