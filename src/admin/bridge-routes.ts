import { z } from 'zod';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import type { BridgeBackend } from './bridge-backend.ts';
import { bridgeDocument, bridgeRuleDocument, maxMembers } from './bridge-documents.ts';
import type { ProblemKind } from './problems.ts';
import { nameParameters } from './nameserver-requests.ts';

/** The republish layer: what it does, and what an operator wants of its rules. */
export function createBridgeRoutes(backend: BridgeBackend): readonly AdminRoute[] {
  return [readRoute(backend), pauseRoute(backend), resumeRoute(backend), scaleRoute(backend)];
}

function readRoute(backend: BridgeBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/bridge',
    operationId: 'bridge',
    summary: 'The rules of the bridge, their slots and what they carry, and the processes that work them',
    access: 'viewer',
    success: { status: 200, description: 'The bridge', schema: bridgeDocument },
    problems: [],
    answer: async () => ({ status: 200, body: answered(await backend.bridge()) }),
  });
}

const problems: readonly ProblemKind[] = ['not-found', 'not-possible', 'body-too-large', 'unsupported-media-type'];
const shared = {
  problems,
  method: 'POST',
  access: 'operator',
  parameters: nameParameters,
  success: {
    status: 200,
    description: 'The rule as it stands; the processes of the bridge follow within a second',
    schema: bridgeRuleDocument,
  },
} as const;

function pauseRoute(backend: BridgeBackend): AdminRoute {
  return defineRoute({
    ...shared,
    url: '/v1/bridge/rules/:name/pause',
    operationId: 'pauseRule',
    summary: 'The target of a rule gets nothing more; what comes is acknowledged and goes to the spool',
    body: z.strictObject({}).prefault({}),
    answer: async ({ parameters: { name } }) => ({ status: 200, body: answered(await backend.pauseRule(name)) }),
  });
}

function resumeRoute(backend: BridgeBackend): AdminRoute {
  return defineRoute({
    ...shared,
    url: '/v1/bridge/rules/:name/resume',
    operationId: 'resumeRule',
    summary: 'A paused rule goes on, the spool first; one that a loop stopped begins again',
    body: z.strictObject({}).prefault({}),
    answer: async ({ parameters: { name } }) => ({ status: 200, body: answered(await backend.resumeRule(name)) }),
  });
}

function scaleRoute(backend: BridgeBackend): AdminRoute {
  return defineRoute({
    ...shared,
    url: '/v1/bridge/rules/:name/scale',
    operationId: 'scaleRule',
    summary: 'So many members join the share group of a rule; those beyond leave it after they have finished',
    body: z.strictObject({ members: z.int().min(0).max(maxMembers) }),
    answer: async ({ parameters: { name }, body: { members } }) => ({
      status: 200,
      body: answered(await backend.scaleRule(name, members)),
    }),
  });
}
