import { z } from 'zod';
import type { AdminBackend } from './admin-backend.ts';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import { assessmentDocument } from './assessment-document.ts';
import {
  moveDocument,
  planDocument,
  revisionDocument,
  sessionDocument,
  statusDocument,
  whereDocument,
} from './document-schemas.ts';
import { ifNoneMatchIs, toETag } from './entity-tag.ts';
import { interlockDocument } from './interlock-document.ts';
import {
  assessmentQuery,
  interlockQuery,
  moveParameters,
  revisionParameters,
  revisionsQuery,
  sessionsQuery,
  whereQuery,
} from './request-schemas.ts';

/** What a viewer may ask. */
export function createReadingRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [
    statusRoute(backend),
    planRoute(backend),
    ...revisionRoutes(backend),
    ...moveRoutes(backend),
    ...deviceRoutes(backend),
    assessmentRoute(backend),
    interlockRoute(backend),
  ];
}

function statusRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/status',
    operationId: 'status',
    summary: 'Brokers, cohorts, listeners, nameserver, sites and workers, over all workers together',
    access: 'viewer',
    success: { status: 200, description: 'The status', schema: statusDocument },
    problems: [],
    answer: async () => ({ status: 200, body: answered(await backend.status()) }),
  });
}

function planRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/plan',
    operationId: 'plan',
    summary: 'The plan in force; its ETag is the revision',
    access: 'viewer',
    success: { status: 200, description: 'The plan', schema: planDocument },
    problems: [],
    answer: async ({ headers }) => {
      const plan = answered(await backend.plan());
      const tagged = { headers: { etag: toETag(plan.revision) } };
      if (ifNoneMatchIs(headers['if-none-match'], plan.revision)) return { status: 304, body: undefined, ...tagged };
      return { status: 200, body: plan, ...tagged };
    },
  });
}

function revisionRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/v1/plan/revisions',
      operationId: 'revisions',
      summary: 'Revisions of the plan, newest first',
      access: 'viewer',
      query: revisionsQuery,
      success: { status: 200, description: 'The revisions', schema: z.array(revisionDocument) },
      problems: [],
      answer: async ({ query: { limit, before } }) => {
        const page = { limit, ...(before === undefined ? {} : { before }) };
        return { status: 200, body: answered(await backend.revisions(page)) };
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/v1/plan/revisions/:revision',
      operationId: 'revision',
      summary: 'One revision of the plan',
      access: 'viewer',
      parameters: revisionParameters,
      success: { status: 200, description: 'The revision', schema: revisionDocument },
      problems: ['not-found'],
      answer: async ({ parameters }) => ({ status: 200, body: answered(await backend.revision(parameters.revision)) }),
    }),
  ];
}

function moveRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/v1/moves',
      operationId: 'moves',
      summary: 'Moves under way and done, newest first',
      access: 'viewer',
      success: { status: 200, description: 'The moves', schema: z.array(moveDocument) },
      problems: [],
      answer: async () => ({ status: 200, body: answered(await backend.moves()) }),
    }),
    defineRoute({
      method: 'GET',
      url: '/v1/moves/:id',
      operationId: 'move',
      summary: 'One move',
      access: 'viewer',
      parameters: moveParameters,
      success: { status: 200, description: 'The move', schema: moveDocument },
      problems: ['not-found'],
      answer: async ({ parameters }) => ({ status: 200, body: answered(await backend.move(parameters.id)) }),
    }),
  ];
}

function deviceRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/v1/where',
      operationId: 'where',
      summary: 'Which broker a device goes to, and why',
      access: 'viewer',
      query: whereQuery,
      success: { status: 200, description: 'The assignment', schema: whereDocument },
      problems: [],
      answer: async ({ query }) => ({ status: 200, body: answered(await backend.where(given(query))) }),
    }),
    defineRoute({
      method: 'GET',
      url: '/v1/sessions',
      operationId: 'sessions',
      summary: 'Live sessions: where each is and where the plan wants it',
      access: 'viewer',
      query: sessionsQuery,
      success: { status: 200, description: 'The sessions', schema: z.array(sessionDocument) },
      problems: ['not-found'],
      answer: async ({ query: { limit, ...filter } }) => {
        return { status: 200, body: answered(await backend.sessions({ ...given(filter), limit })) };
      },
    }),
  ];
}

function assessmentRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/assessment',
    operationId: 'assessment',
    summary: 'Per cohort: devices that the target carries as they are, with something adapted, or not at all',
    access: 'viewer',
    query: assessmentQuery,
    success: { status: 200, description: 'The assessment', schema: assessmentDocument },
    problems: ['not-found'],
    answer: async ({ query: { limit, ...filter } }) => {
      return { status: 200, body: answered(await backend.assessment({ ...given(filter), limit })) };
    },
  });
}

function interlockRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/interlock',
    operationId: 'interlock',
    summary: 'Per cohort: topics that its devices use and that would have no other end at the target',
    access: 'viewer',
    query: interlockQuery,
    success: { status: 200, description: 'What would be lost', schema: interlockDocument },
    problems: ['not-found'],
    answer: async ({ query: { cohort } }) => ({ status: 200, body: answered(await backend.interlock(cohort)) }),
  });
}

/** The fields that have a value. */
function given<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };
}
