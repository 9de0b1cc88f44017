import { z } from 'zod';
import type { AdminBackend } from './admin-backend.ts';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import type { EventFeed } from './event-feed.ts';
import { createProblem, ProblemError } from './problems.ts';

/** Prometheus text exposition format 0.0.4. */
const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

export type ServiceBackend = Pick<AdminBackend, 'ready' | 'metricsText'>;

export interface ServiceRouteParts {
  readonly backend: ServiceBackend;
  /** Absent: there are no events to tell. */
  readonly feed?: EventFeed;
  /** The OpenAPI document; asked for after every route is known. */
  readonly description: () => unknown;
}

/** What orchestrators, scrapers and tools ask: liveness, readiness, metrics, events and the description of the API. */
export function createServiceRoutes({ backend, feed, description }: ServiceRouteParts): readonly AdminRoute[] {
  return [
    ...probeRoutes(backend),
    metricsRoute(backend),
    ...(feed === undefined ? [] : [eventsRoute(feed)]),
    descriptionRoute(description),
  ];
}

function probeRoutes(backend: ServiceBackend): readonly AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/healthz',
      operationId: 'health',
      summary: 'The process answers',
      access: 'free',
      success: { status: 200, description: 'It does', schema: z.object({ healthy: z.literal(true) }) },
      problems: [],
      answer: async () => ({ status: 200, body: { healthy: true } }),
    }),
    defineRoute({
      method: 'GET',
      url: '/readyz',
      operationId: 'ready',
      summary: 'The gateway takes devices, or the bridge carries',
      access: 'free',
      success: { status: 200, description: 'It does', schema: z.object({ ready: z.literal(true) }) },
      problems: ['not-ready'],
      answer: async () => {
        const { ready, reason } = backend.ready();
        if (!ready) throw new ProblemError(createProblem('not-ready', reason));
        return { status: 200, body: { ready: true } };
      },
    }),
  ];
}

function metricsRoute(backend: ServiceBackend): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/metrics',
    operationId: 'metrics',
    summary: 'Metrics of all processes, for Prometheus',
    access: 'metrics',
    success: { status: 200, description: 'Prometheus text', schema: z.string(), contentType: metricsContentType },
    problems: ['unauthorized', 'unavailable', 'too-slow'],
    answer: async () => {
      const body = answered(await backend.metricsText());
      return { status: 200, body, headers: { 'content-type': metricsContentType } };
    },
  });
}

function eventsRoute(feed: EventFeed): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/v1/events',
    operationId: 'events',
    summary:
      'Server-sent events: revision, move, broker, site, bridge; and gap, when earlier ones are lost to this reader',
    access: 'viewer',
    headers: z.object({ 'last-event-id': z.string().optional() }),
    success: { status: 200, description: 'The stream', schema: z.string(), contentType: 'text/event-stream' },
    problems: ['too-many-readers'],
    answer: async ({ headers }) => {
      if (!feed.hasRoom()) {
        const detail = `Expected fewer than ${feed.readers + 1} readers at one time, this one is one more`;
        throw new ProblemError(createProblem('too-many-readers', detail), { 'retry-after': '5' });
      }
      const lastEventId = headers['last-event-id'];
      return { stream: (response) => feed.attach(response, typeof lastEventId === 'string' ? lastEventId : undefined) };
    },
  });
}

function descriptionRoute(description: () => unknown): AdminRoute {
  return defineRoute({
    method: 'GET',
    url: '/openapi.json',
    operationId: 'description',
    summary: 'This description (OpenAPI 3.1)',
    access: 'viewer',
    success: { status: 200, description: 'The description', schema: z.looseObject({}) },
    problems: [],
    answer: async () => ({ status: 200, body: description() }),
  });
}
