import type { TestContext } from 'node:test';
import type { AdminClient } from '../../src/admin/admin-client.ts';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import { type AdminServerOptions, createAdminServer } from '../../src/admin/admin-server.ts';
import type { AdminServer } from '../../src/admin/route-server.ts';
import type { AdminRole } from '../../src/admin/tokens.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { bridgeOperator, bridgeRule, FakeBoard } from '../app/fake-board.ts';
import { FakeBackend } from './fake-backend.ts';
import { FakeLedger } from './fake-ledger.ts';

export const tokens = [
  { name: 'wallboard', role: 'viewer', token: 'viewer-token-1' },
  { name: 'ops', role: 'operator', token: 'operator-token-1' },
  { name: 'chief', role: 'admin', token: 'admin-token-1' },
] as const;

export const tokenByRole: Readonly<Record<AdminRole, string>> = {
  viewer: tokens[0].token,
  operator: tokens[1].token,
  admin: tokens[2].token,
};

export interface RunningServer {
  readonly backend: FakeBackend;
  /** Of the bridge, with `bridgeRules`. */
  readonly board: FakeBoard;
  readonly server: AdminServer;
  readonly url: string;
  /** Everything that was logged, as text. */
  readonly logged: () => string;
  readonly as: (role: AdminRole) => AdminClient;
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Called>;
}

export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text goes as it is, anything else as JSON. */
  readonly body?: unknown;
}

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export const bridgeRules = [
  bridgeRule('telemetry', { order: { keyLevel: 2 } }),
  bridgeRule('billing', { share: 'billing', members: 2 }),
];

/** A server on a free loopback port that ends with the test. */
export async function runServer(
  context: TestContext,
  options: Partial<AdminServerOptions> = {},
): Promise<RunningServer> {
  const backend = new FakeBackend();
  const board = new FakeBoard();
  const bridge = bridgeOperator(board, bridgeRules);
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', component: 'admin' }, { write: (line: string) => lines.push(line) });
  const ledger = new FakeLedger();
  const server = createAdminServer({ backend, bridge, ledger, tokens, bodyLimit: 65_536, log, ...options });
  context.after(() => server.close(0));
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    backend,
    board,
    server,
    url,
    logged: () => lines.join(''),
    as: (role) => {
      const client = createAdminClient({ url, token: tokenByRole[role] });
      context.after(() => client.close());
      return client;
    },
    call: (method, path, callOptions = {}) => call(url, { method, path, ...callOptions }),
  };
}

async function call(
  url: string,
  { method, path, token, headers = {}, body }: CallOptions & { method: string; path: string },
) {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : {},
  };
}
