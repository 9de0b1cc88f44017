import type { AdminBackend } from './admin-backend.ts';
import type { AdminRoute } from './admin-route.ts';
import type { BridgeBackend } from './bridge-backend.ts';
import { createBridgeRoutes } from './bridge-routes.ts';
import { createChangingRoutes } from './changing-routes.ts';
import { EventFeed, type EventFeedLimits, eventFeedDefaults } from './event-feed.ts';
import type { LedgerBackend } from './ledger-backend.ts';
import { createLedgerRoutes } from './ledger-routes.ts';
import { createNameserverRoutes } from './nameserver-routes.ts';
import { describeRoutes } from './openapi.ts';
import { createReadingRoutes } from './reading-routes.ts';
import { type AdminServer, createRouteServer, type RouteServerOptions } from './route-server.ts';
import { createServiceRoutes, type ServiceBackend } from './service-routes.ts';
import { subscriptionImportRoute } from './subscription-routes.ts';

export interface AdminServerOptions extends RouteServerOptions {
  readonly backend: AdminBackend;
  readonly bridge: BridgeBackend;
  readonly ledger: LedgerBackend;
  readonly events?: Partial<EventFeedLimits>;
}

/** The gateway's. Nothing is bound before `listen`. Throws TypeError for an empty token. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { backend, bridge, ledger } = options;
  const feed = new EventFeed((onEvent) => backend.subscribe(onEvent), { ...eventFeedDefaults, ...options.events });
  const routes: AdminRoute[] = [];
  const description = () => describeRoutes(routes);
  routes.push(
    ...createServiceRoutes({ backend, feed, description }),
    ...createReadingRoutes(backend),
    ...createChangingRoutes(backend),
    ...createNameserverRoutes(backend),
    subscriptionImportRoute(backend),
    ...createBridgeRoutes(bridge),
    ...createLedgerRoutes(ledger),
  );
  return createRouteServer(routes, options, () => feed.close());
}

export interface BridgeServerOptions extends RouteServerOptions {
  readonly backend: ServiceBackend;
  readonly bridge: BridgeBackend;
  readonly ledger: LedgerBackend;
}

/** The one of a bridge that runs alone: of the gateway's routes those that concern it. */
export function createBridgeServer(options: BridgeServerOptions): AdminServer {
  const { backend, bridge, ledger } = options;
  const routes: AdminRoute[] = [];
  const description = () => describeRoutes(routes);
  routes.push(
    ...createServiceRoutes({ backend, description }),
    ...createBridgeRoutes(bridge),
    ...createLedgerRoutes(ledger),
  );
  return createRouteServer(routes, options);
}
