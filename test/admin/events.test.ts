import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { AdminEvent } from '../../src/admin/admin-api.ts';
import { type ReceivedEvent, readEventStream } from '../../src/admin/event-reader.ts';
import { type RunningServer, runServer, tokenByRole } from './running-server.ts';

function brokerEvent(name: string): AdminEvent {
  return { type: 'broker', data: { name, connected: true } };
}

async function openEvents(context: TestContext, running: RunningServer, lastEventId?: string) {
  const ending = new AbortController();
  context.after(() => ending.abort());
  const options = { signal: ending.signal, ...(lastEventId === undefined ? {} : { lastEventId }) };
  const opened = await running.as('viewer').events(options);
  assert.ok(opened.ok, opened.ok ? '' : JSON.stringify(opened.error));
  const iterator = opened.value[Symbol.asyncIterator]();
  return {
    next: async (): Promise<ReceivedEvent> => (await iterator.next()).value,
    isDone: async () => (await iterator.next()).done === true,
    end: () => ending.abort(),
  };
}

test('a reader gets every event from its start on, in order', async (context) => {
  const running = await runServer(context);
  running.backend.emit(brokerEvent('before'));
  const reader = await openEvents(context, running);
  running.backend.emit(brokerEvent('one'));
  running.backend.emit({ type: 'site', data: { name: 'eu', health: 'down' } });
  assert.deepEqual((await reader.next()).event, brokerEvent('one'));
  assert.deepEqual((await reader.next()).event, { type: 'site', data: { name: 'eu', health: 'down' } });
});

test('a reader that comes back with Last-Event-ID gets what it missed, once', async (context) => {
  const running = await runServer(context);
  const first = await openEvents(context, running);
  running.backend.emit(brokerEvent('one'));
  const { id } = await first.next();
  first.end();
  running.backend.emit(brokerEvent('two'));
  running.backend.emit(brokerEvent('three'));
  const second = await openEvents(context, running, id);
  running.backend.emit(brokerEvent('four'));
  for (const name of ['two', 'three', 'four']) assert.deepEqual((await second.next()).event, brokerEvent(name));
});

test('a reader whose last event is no longer kept, or of another run, is told about the gap', async (context) => {
  const running = await runServer(context, { events: { backlogEvents: 2 } });
  const first = await openEvents(context, running);
  running.backend.emit(brokerEvent('one'));
  const { id } = await first.next();
  for (const name of ['two', 'three', 'four']) running.backend.emit(brokerEvent(name));
  const run = id.split('-')[0];
  for (const lastEventId of [id, '00000000-1', 'nonsense', `${run}-99`]) {
    const reader = await openEvents(context, running, lastEventId);
    const gap = await reader.next();
    assert.deepEqual(gap.event, { type: 'gap', data: {} }, lastEventId);
    assert.equal(gap.id, `${run}-4`);
  }
  const resumed = await openEvents(context, running, `${run}-2`);
  assert.deepEqual((await resumed.next()).event, brokerEvent('three'));
});

test('the backlog is bounded by its length too', async (context) => {
  const running = await runServer(context, { events: { backlogLength: 300 } });
  const first = await openEvents(context, running);
  for (const name of ['one', 'x'.repeat(200), 'y'.repeat(200)]) running.backend.emit(brokerEvent(name));
  const { id } = await first.next();
  const reader = await openEvents(context, running, id);
  assert.equal((await reader.next()).event.type, 'gap');
});

test('a reader that does not read is cut, and the others go on', async (context) => {
  const running = await runServer(context, { events: { readerBufferBytes: 65_536, backlogEvents: 1 } });
  const { port } = new URL(running.url);
  const slow = connect(Number(port), '127.0.0.1');
  slow.write(`GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokenByRole.viewer}\r\n\r\n`);
  await once(slow, 'readable');
  const lively = await openEvents(context, running);
  const closed = once(slow, 'close');
  for (let sent = 0; sent < 400; sent += 1) {
    running.backend.emit(brokerEvent(`${sent}-${'x'.repeat(60_000)}`));
    const { event } = await lively.next();
    assert.ok(event.type === 'broker' && event.data.name.startsWith(`${sent}-`));
  }
  slow.on('error', () => undefined);
  slow.resume();
  await closed;
});

test('one reader more than the limit is refused, until one leaves', async (context) => {
  const running = await runServer(context, { events: { readers: 1 } });
  const first = await openEvents(context, running);
  const refused = await running.call('GET', '/v1/events', { token: tokenByRole.viewer });
  assert.equal(refused.status, 503);
  assert.equal(refused.json['type'], 'urn:crossfade:problem:too-many-readers');
  assert.equal(refused.headers.get('retry-after'), '5');
  running.backend.emit(brokerEvent('one'));
  await first.next();
  first.end();
  let status = 503;
  while (status === 503) {
    const again = await fetch(`${running.url}/v1/events`, {
      headers: { authorization: `Bearer ${tokenByRole.viewer}` },
    });
    status = again.status;
    await again.body?.cancel();
  }
  assert.equal(status, 200);
});

test('heartbeats keep the stream busy, and closing the server ends it', async (context) => {
  const running = await runServer(context, { events: { heartbeatMs: 5 } });
  const response = await fetch(`${running.url}/v1/events`, {
    headers: { authorization: `Bearer ${tokenByRole.viewer}` },
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = await openEvents(context, running);
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.split(': heartbeat\n\n').length > 2) break;
  }
  await running.server.close();
  assert.equal(await reader.isDone(), true);
  assert.equal(running.backend.listeners, 0);
});

test('the stream outlives the time that answers have and the time that a connection may idle', async (context) => {
  const running = await runServer(context, { answerMs: 20, bounds: { idleMs: 60 }, events: { heartbeatMs: 10 } });
  const response = await fetch(`${running.url}/v1/events`, {
    headers: { authorization: `Bearer ${tokenByRole.viewer}` },
  });
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const beats = text.split(': heartbeat\n\n').length - 1;
    if (beats === 12) running.backend.emit(brokerEvent('late'));
    if (text.includes('"late"')) break;
  }
  assert.match(text, /event: broker\ndata: \{"name":"late"/);
});

test('the reader takes the stream in any pieces, skips comments and keeps line ends in JSON', async () => {
  const text =
    ': hello\n\nid: r-0\n\nid: r-1\nevent: broker\ndata: {"name":"a\\nü","connected":true}\n\nid: r-2\nevent: gap\ndata: {}\n\n';
  const bytes = Buffer.from(text);
  async function* oneByOne() {
    for (const byte of bytes) yield Uint8Array.of(byte);
  }
  const received: ReceivedEvent[] = [];
  for await (const event of readEventStream(oneByOne())) received.push(event);
  assert.deepEqual(received, [
    { id: 'r-1', event: { type: 'broker', data: { name: 'a\nü', connected: true } } },
    { id: 'r-2', event: { type: 'gap', data: {} } },
  ]);
});
