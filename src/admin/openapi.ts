import { z } from 'zod';
import type { RouteAccess, RouteDescription } from './admin-route.ts';
import { problemDocument } from './document-schemas.ts';
import { createProblem, type ProblemKind } from './problems.ts';

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of the routes, made from the very values that they are served from. */
export function describeRoutes(routes: readonly RouteDescription[]): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Crossfade admin API',
      version: '1',
      description: 'Which device goes where, and how it is moved. Errors are RFC 9457 problem documents.',
    },
    paths,
    components: {
      schemas: { Problem: toSchema(problemDocument) },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function describeRoute(route: RouteDescription): Json {
  return {
    operationId: route.operationId,
    summary: route.summary,
    security: securityOf(route.access),
    ...(isRole(route.access) ? { description: `Needs the role ${route.access}.` } : {}),
    parameters: [
      ...describeParameters(route.parameters, 'path'),
      ...describeParameters(route.query, 'query'),
      ...describeParameters(route.headers, 'header'),
    ],
    ...(route.body === undefined ? {} : { requestBody: describeBody(route.body) }),
    responses: {
      [route.success.status]: describeSuccess(route.success),
      ...(route.rehearsal && { [route.rehearsal.status]: describeSuccess(route.rehearsal) }),
      ...describeProblems(route),
    },
  };
}

function securityOf(access: RouteAccess): readonly Json[] {
  if (access === 'free') return [];
  return access === 'metrics' ? [{}, { token: [] }] : [{ token: [] }];
}

function isRole(access: RouteAccess): boolean {
  return access !== 'free' && access !== 'metrics';
}

function describeParameters(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = toSchema(schema);
  return Object.entries(properties as Json).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (required as readonly string[]).includes(name),
    schema: property,
  }));
}

function describeBody(schema: z.ZodType): Json {
  const required = !schema.safeParse(undefined).success;
  return { required, content: { 'application/json': { schema: toSchema(schema) } } };
}

function describeSuccess({ description, schema, contentType }: RouteDescription['success']): Json {
  if (schema === undefined) return { description };
  const media = contentType?.split(';')[0] ?? 'application/json';
  return { description, content: { [media]: { schema: toSchema(schema) } } };
}

function describeProblems(route: RouteDescription): Json {
  const common: readonly ProblemKind[] = isRole(route.access)
    ? ['unauthorized', 'forbidden', 'unavailable', 'too-slow']
    : [];
  const checked: readonly ProblemKind[] = (route.parameters ?? route.query ?? route.body) ? ['invalid-request'] : [];
  const byStatus: Record<string, Json> = {};
  for (const kind of [...checked, ...common, ...route.problems]) {
    const { status, title } = createProblem(kind, '');
    byStatus[status] ??= {
      description: title,
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return byStatus;
}

function toSchema(schema: z.ZodType): Json {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    // zod leaves these out of a field that it transforms, though they are the texts and numbers that a caller writes.
    override: ({ zodSchema, jsonSchema }) => {
      const { default: fallback, examples } = z.globalRegistry.get(zodSchema) ?? {};
      if (typeof fallback === 'number' || typeof fallback === 'string') jsonSchema.default = fallback;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
  return rest;
}
