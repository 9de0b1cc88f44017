import { z } from 'zod';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import type { LedgerBackend } from './ledger-backend.ts';
import { moveServiceBody, serviceDocument, verifyServiceBody } from './ledger-documents.ts';
import { nameParameters } from './nameserver-requests.ts';
import type { ProblemKind } from './problems.ts';

/** Backends that move by way of the bridge: where they stand, and their next step. */
export function createLedgerRoutes(backend: LedgerBackend): readonly AdminRoute[] {
  return [...readRoutes(backend), moveRoute(backend), verifyRoute(backend)];
}

function readRoutes(backend: LedgerBackend): readonly AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/v1/services',
      operationId: 'services',
      summary: 'The backends of the configuration, their instances, and how far each has moved',
      access: 'viewer',
      success: { status: 200, description: 'In the order of the configuration', schema: z.array(serviceDocument) },
      problems: [],
      answer: async () => ({ status: 200, body: answered(await backend.services()) }),
    }),
    defineRoute({
      method: 'GET',
      url: '/v1/services/:name',
      operationId: 'service',
      summary: 'One backend; to be asked again while it is under way',
      access: 'viewer',
      parameters: nameParameters,
      success: { status: 200, description: 'The service', schema: serviceDocument },
      problems: ['not-found'],
      answer: async ({ parameters: { name } }) => ({ status: 200, body: answered(await backend.service(name)) }),
    }),
  ];
}

const problems: readonly ProblemKind[] = ['not-found', 'not-now', 'body-too-large', 'unsupported-media-type'];

function moveRoute(backend: LedgerBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/services/:name/move',
    operationId: 'moveService',
    summary: 'One step: a member of the bridge more for an instance, or with back one less',
    access: 'operator',
    parameters: nameParameters,
    body: moveServiceBody.prefault({}),
    success: { status: 202, description: 'The step has begun: ask for the service', schema: serviceDocument },
    problems,
    answer: async ({ parameters: { name }, body: { removed, back, started, window }, author }) => {
      const instance = back ? started : removed;
      const request = {
        way: back ? 'back' : 'forth',
        author,
        ...(instance !== undefined && { instance }),
        ...(window !== undefined && { windowMs: window }),
      } as const;
      return { status: 202, body: answered(await backend.moveService(name, request)) };
    },
  });
}

function verifyRoute(backend: LedgerBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/services/:name/verify',
    operationId: 'verifyService',
    summary: 'Holds what the source had in a window against what came out at the target',
    access: 'operator',
    parameters: nameParameters,
    body: verifyServiceBody.prefault({}),
    success: { status: 202, description: 'The window has begun: ask for the service', schema: serviceDocument },
    problems,
    answer: async ({ parameters: { name }, body: { window }, author }) => ({
      status: 202,
      body: answered(await backend.verifyService(name, { windowMs: window, author })),
    }),
  });
}
