import type { AdminBackend } from './admin-backend.ts';
import { type AdminRoute, answered, defineRoute } from './admin-route.ts';
import { subscriptionImportBody, subscriptionImportDocument } from './subscription-import.ts';

/** What an operator knows of sessions that are older than the gateway. */
export function subscriptionImportRoute(backend: AdminBackend): AdminRoute {
  return defineRoute({
    method: 'POST',
    url: '/v1/subscriptions',
    operationId: 'importSubscriptions',
    summary: 'Tells the gateway the subscriptions of sessions that are older than it, connected or not',
    access: 'operator',
    body: subscriptionImportBody,
    success: { status: 200, description: 'What was taken is on disk', schema: subscriptionImportDocument },
    problems: ['body-too-large', 'unsupported-media-type'],
    answer: async ({ body }) => ({ status: 200, body: answered(await backend.importSubscriptions(body)) }),
  });
}
