import { z } from 'zod';
import type { AdminBackend } from './admin-backend.ts';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import { planDocument } from './document-schemas.ts';
import { parseIfMatch, toETag } from './entity-tag.ts';
import { createFreezeRoutes } from './freeze-routes.ts';
import { createMovingRoutes } from './moving-routes.ts';
import { createProblem, invalidRequest, ProblemError } from './problems.ts';
import { planBody } from './request-schemas.ts';

/** What an operator may do, and replacing the plan, which takes an admin. */
export function createChangingRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [replacePlanRoute(backend), ...createMovingRoutes(backend), ...createFreezeRoutes(backend)];
}

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
    problems: ['revision-required', 'revision-conflict', 'frozen', 'body-too-large', 'unsupported-media-type'],
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
