import type { z } from 'zod';
import { defaultLiveMode, type LiveMode } from './admin-api.ts';
import type { AdminBackend, RollbackRequest } from './admin-backend.ts';
import { type AdminRoute, type Answer, answered, defineRoute } from './admin-route.ts';
import { dryRunDocument, moveAccepted, moveDocument } from './document-schemas.ts';
import type { ProblemKind } from './problems.ts';
import { cohortParameters, cutoverBody, moveParameters, rollbackBody } from './request-schemas.ts';

/** Cutover, rollback, and what an operator does with the moves that they begin. */
export function createMovingRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [cutoverRoute(backend), ...rollbackRoutes(backend), ...moveRoutes(backend)];
}

const outcomes = {
  success: { status: 202, description: 'A new revision stands, and its move is under way', schema: moveAccepted },
  rehearsal: { status: 200, description: 'With dryRun: nothing was changed', schema: dryRunDocument },
} as const;

const problems: readonly ProblemKind[] = [
  'not-found',
  'not-now',
  'revision-conflict',
  'body-too-large',
  'unsupported-media-type',
];

function cutoverRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/cohorts/:name/cutover',
    operationId: 'cutover',
    summary: 'Sets the weight of a cohort: that share of it goes to its target',
    access: 'operator',
    parameters: cohortParameters,
    body: cutoverBody,
    ...outcomes,
    problems: [...problems, 'frozen', 'unbridged'],
    answer: async ({ parameters: { name }, body, author }): Promise<Answer> => {
      const { weight, weightBps = weight ?? 0, reason = '', pacePerSecond, prepareOnly, unbridgedOk } = body;
      const live = body.live ?? (prepareOnly ? 'handover' : defaultLiveMode);
      const request = { weightBps, reason, live, prepareOnly, unbridgedOk, author, ...paced(pacePerSecond) };
      if (body.dryRun) return { status: 200, body: answered(await backend.dryRunCutover(name, request)) };
      return { status: 202, body: answered(await backend.cutover(name, request)) };
    },
  });
}

function rollbackRoutes(backend: AdminBackend): readonly AdminRoute[] {
  const shared = {
    method: 'POST',
    access: 'operator',
    body: rollbackBody.prefault({}),
    ...outcomes,
    problems,
  } as const;
  const rollback = async (scope: RollbackRequest['scope'], body: z.output<typeof rollbackBody>, author: string) => {
    const { to, toBps = to ?? 0, revision, reason = '', pacePerSecond } = body;
    const live: LiveMode = body.live ?? defaultLiveMode;
    const aim = revision === undefined ? { weightBps: toBps } : { revision };
    const request = { scope, to: aim, reason, live, author, ...paced(pacePerSecond) };
    if (body.dryRun) return { status: 200, body: answered(await backend.dryRunRollback(request)) };
    return { status: 202, body: answered(await backend.rollback(request)) };
  };
  return [
    defineRoute({
      ...shared,
      url: '/v1/cohorts/:name/rollback',
      operationId: 'rollbackCohort',
      summary: 'Takes a cohort back to its source, or to a lower weight or an earlier revision',
      parameters: cohortParameters,
      answer: ({ parameters, body, author }) => rollback({ cohort: parameters.name }, body, author),
    }),
    defineRoute({
      ...shared,
      url: '/v1/rollback',
      operationId: 'rollbackAll',
      summary: 'Takes every cohort back',
      answer: ({ body, author }) => rollback({ all: true }, body, author),
    }),
  ];
}

function moveRoutes(backend: AdminBackend): readonly AdminRoute[] {
  const shared = {
    method: 'POST',
    access: 'operator',
    parameters: moveParameters,
    success: { status: 200, description: 'The move as it stands now', schema: moveDocument },
  } as const;
  return [
    defineRoute({
      ...shared,
      url: '/v1/moves/:id/pause',
      operationId: 'pauseMove',
      summary: 'Begins no further session; those past their switch finish',
      problems: ['not-found', 'not-now'],
      answer: async ({ parameters: { id }, author }) => ({
        status: 200,
        body: answered(await backend.pauseMove(id, author)),
      }),
    }),
    defineRoute({
      ...shared,
      url: '/v1/moves/:id/resume',
      operationId: 'resumeMove',
      summary: 'Goes on with a paused move',
      problems: ['not-found', 'not-now', 'frozen'],
      answer: async ({ parameters: { id } }) => ({ status: 200, body: answered(await backend.resumeMove(id)) }),
    }),
    defineRoute({
      ...shared,
      url: '/v1/moves/:id/abort',
      operationId: 'abortMove',
      summary: 'Ends a move: sessions that have not switched stay where they are; the plan stays as it is',
      problems: ['not-found', 'not-now'],
      answer: async ({ parameters: { id }, author }) => ({
        status: 200,
        body: answered(await backend.abortMove(id, author)),
      }),
    }),
  ];
}

function paced(pacePerSecond: number | undefined): { readonly pacePerSecond?: number } {
  return pacePerSecond === undefined ? {} : { pacePerSecond };
}
