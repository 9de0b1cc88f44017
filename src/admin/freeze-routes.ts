import type { AdminBackend } from './admin-backend.ts';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import { freezeDocument } from './document-schemas.ts';
import { freezeBody } from './request-schemas.ts';

/** Freezing cutovers, and lifting that. */
export function createFreezeRoutes(backend: AdminBackend): readonly AdminRoute[] {
  return [
    defineRoute({
      method: 'POST',
      url: '/v1/freeze',
      operationId: 'freeze',
      summary:
        'No cutover starts and none goes on; rollback stays possible. A later freeze takes the place of this one',
      access: 'operator',
      body: freezeBody,
      success: { status: 200, description: 'The freeze that is in force', schema: freezeDocument },
      problems: ['body-too-large', 'unsupported-media-type'],
      answer: async ({ body: { for: forMs, reason }, author }) => {
        const request = { reason, author, ...(forMs === undefined ? {} : { forMs }) };
        return { status: 200, body: answered(await backend.freeze(request)) };
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: '/v1/freeze',
      operationId: 'unfreeze',
      summary: 'Cutovers start again, and those that the freeze paused go on',
      access: 'operator',
      success: { status: 200, description: 'The freeze that was in force, or null', schema: freezeDocument.nullable() },
      problems: [],
      answer: async ({ author }) => ({ status: 200, body: answered(await backend.unfreeze(author)) }),
    }),
  ];
}
