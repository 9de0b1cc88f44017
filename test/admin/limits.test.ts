import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultAnswerMs } from '../../src/admin/route-server.ts';
import { eventFeedDefaults } from '../../src/admin/event-feed.ts';
import { httpBoundDefaults } from '../../src/admin/http-listener.ts';
import { limitDefaults } from '../../src/config/limits.ts';

const text = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8').replaceAll(/ +\|/g, ' |');
const seconds = (ms: number) => `${ms / 1_000} s`;
const { headersMs, requestMs, keepAliveMs, idleMs, handshakeMs, connections } = httpBoundDefaults;
const { readers, readerBufferBytes, backlogLength, backlogEvents, heartbeatMs } = eventFeedDefaults;

const rows: readonly (readonly [what: string, value: string])[] = [
  ['Header fields of an admin request', `${seconds(headersMs)}, 16 KiB`],
  ['A whole admin request', seconds(requestMs)],
  ['An admin connection without a request', seconds(keepAliveMs)],
  ['An admin connection without a byte', seconds(idleMs)],
  ['The TLS handshake of an admin connection', seconds(handshakeMs)],
  ['Admin connections', `${connections}`],
  ['An answer of the admin API', seconds(defaultAnswerMs)],
  ['Readers of `/v1/events`', `${readers}`],
  ['Bytes waiting for one reader of `/v1/events`', `${readerBufferBytes / 1_048_576} MiB`],
  ['Characters of the kept events together', `${backlogLength}`],
];

test('docs/limits.md has the bounds of the admin API', () => {
  for (const [what, value] of rows) assert.ok(text.includes(`| ${what} | ${value} |`), `${what}: ${value}`);
  assert.ok(text.includes(`heartbeats every ${seconds(heartbeatMs)} keep`));
  assert.equal(backlogEvents, limitDefaults.eventBacklog);
});
