import { z } from 'zod';
import type { AdminBackend } from './admin-backend.ts';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import { dnsTraceDocument, siteDocument, splitDocument, zonesDocument } from './document-schemas.ts';
import { forceBody, nameParameters, siteBody, splitBody, traceQuery } from './nameserver-requests.ts';
import type { ProblemKind } from './problems.ts';

/** Names, splits and sites. */
export function createNameserverRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [traceRoute(backend), splitRoute(backend), reloadRoute(backend), ...siteRoutes(backend)];
}

const bodyProblems: readonly ProblemKind[] = ['not-found', 'body-too-large', 'unsupported-media-type'];

function traceRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/dns/answer',
    operationId: 'dnsAnswer',
    summary: 'What a name is answered with, and why, step by step',
    access: 'viewer',
    query: traceQuery,
    success: { status: 200, description: 'The answer and its steps', schema: dnsTraceDocument },
    problems: ['not-found'],
    answer: async ({ query: { name, type, subnet, device, weights } }) => {
      const asked = {
        name,
        ...(type !== undefined && { type }),
        ...(subnet !== undefined && { subnet }),
        ...(device !== undefined && { device }),
        ...(weights !== undefined && { weights }),
      };
      return { status: 200, body: answered(await backend.dnsAnswer(asked)) };
    },
  });
}

function splitRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/splits/:name',
    operationId: 'setSplit',
    summary: 'Sets the weights of a split, by its name or by a name that it steers: a new revision',
    access: 'operator',
    parameters: nameParameters,
    body: splitBody,
    success: { status: 200, description: 'The revision, and whom it moves', schema: splitDocument },
    problems: [...bodyProblems, 'revision-conflict', 'frozen'],
    answer: async ({ parameters: { name }, body: { weights, reason = '', dryRun }, author }) => ({
      status: 200,
      body: answered(await backend.setSplit(name, { weights, reason, dryRun, author })),
    }),
  });
}

/** Every process compiles a large zone for itself, between its turns. */
const zonesAnswerMs = 25_000;

function reloadRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/zones/reload',
    operationId: 'reloadZones',
    summary: 'Reads zone files and keys again, as SIGHUP does; a zone with mistakes leaves the one before it in force',
    access: 'operator',
    body: z.strictObject({}).prefault({}),
    answerMs: zonesAnswerMs,
    success: { status: 200, description: 'What became of each zone, once it is answered from', schema: zonesDocument },
    problems: bodyProblems,
    answer: async ({ author }) => ({ status: 200, body: answered(await backend.reloadZones(author)) }),
  });
}

function siteRoutes(backend: AdminBackend): readonly AdminRoute[] {
  const shared = {
    method: 'POST',
    access: 'operator',
    parameters: nameParameters,
    success: { status: 200, description: 'The site as it is answered by now', schema: siteDocument },
    problems: bodyProblems,
  } as const;
  const drains = [
    ['drain', 'drainSite', 'Nobody new is sent to the site, whatever its health', true],
    ['undrain', 'undrainSite', 'The site is answered with again', false],
  ] as const;
  return [
    ...drains.map(([verb, operationId, summary, drained]) =>
      defineRoute({
        ...shared,
        url: `/v1/sites/:name/${verb}`,
        operationId,
        summary,
        body: siteBody.prefault({}),
        answer: async ({ parameters: { name }, body: { reason = '' }, author }) => ({
          status: 200,
          body: answered(await backend.speakOfSite(name, { change: { drained }, reason, author })),
        }),
      }),
    ),
    defineRoute({
      ...shared,
      url: '/v1/sites/:name/force',
      operationId: 'forceSite',
      summary: 'The site counts as up or down, whatever the probes say; null: what they say',
      body: forceBody,
      answer: async ({ parameters: { name }, body: { health, reason = '' }, author }) => ({
        status: 200,
        body: answered(await backend.speakOfSite(name, { change: { forced: health }, reason, author })),
      }),
    }),
  ];
}
