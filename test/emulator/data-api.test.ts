import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { EmulatorWorld } from './emulator-world.ts';

interface Answer {
  readonly status: number;
  readonly errorType: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
  readonly body: any;
}

suite('The HTTPS data API', { timeout: 60_000 }, () => {
  let world: EmulatorWorld;
  before(async () => {
    world = await EmulatorWorld.start();
  });
  after(() => world[Symbol.asyncDispose]());

  async function call(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${world.emulator.control}${path}`, { method, ...init });
    const text = await response.text();
    return {
      status: response.status,
      errorType: response.headers.get('x-amzn-errortype'),
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  const notFound = { status: 404, errorType: 'ResourceNotFoundException' };

  test('GetConnection: of a connected client, with its socket when asked', async () => {
    const clientId = 'sensor/7 ü';
    world.gate.thingNames.set(clientId, 'thing-7');
    const device = await world.connected(4, clientId, { keepalive: 100, clean: false });
    const path = `/connections/${encodeURIComponent(clientId)}`;
    const { status, body } = await call('GET', path);
    assert.equal(status, 200);
    const { connectedSince, ...rest } = body;
    assert.ok(Math.abs(connectedSince - Date.now()) < 60_000);
    assert.deepEqual(rest, {
      clientId,
      connected: true,
      sessionExpiry: 3_600,
      thingName: 'thing-7',
      cleanSession: false,
      keepAliveDuration: 100,
    });
    const { sourceIp, sourcePort, targetIp, targetPort } = (await call('GET', `${path}?includeSocketInformation=true`))
      .body;
    assert.deepEqual(
      [sourceIp, sourcePort, targetIp, targetPort],
      ['127.0.0.1', device.socket.localPort, '127.0.0.1', world.emulator.mqtts],
    );
    await device.disconnect();
  });

  test('GetConnection: of a client that has left, for half an hour; of nobody', async () => {
    const device = await world.connected(5);
    await device.disconnect();
    await world.event(device.clientId, 'disconnected');
    const { body } = await call('GET', `/connections/${device.clientId}`);
    const { disconnectedSince, ...rest } = body;
    assert.ok(disconnectedSince > 0);
    assert.deepEqual(rest, {
      clientId: device.clientId,
      connected: false,
      sessionExpiry: 0,
      cleanSession: true,
      disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
    });
    const { status, errorType } = await call('GET', '/connections/nobody');
    assert.deepEqual({ status, errorType }, notFound);
  });

  test('a client ID that cannot be one: InvalidRequestException', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/subscriptions'],
      ['POST', '/messages'],
    ]) {
      for (const clientId of ['$me', 'c'.repeat(129)]) {
        const { status, errorType } = await call(method as string, `/connections/${clientId}${path}`);
        assert.deepEqual({ status, errorType }, { status: 400, errorType: 'InvalidRequestException' });
      }
    }
  });

  test('DeleteConnection: the will is published, unless it is prevented; the session stays, unless it is cleaned', async () => {
    const watcher = await world.connected(4);
    await watcher.subscribe([{ topic: 'delete/+', qos: 0 }]);
    for (const [query, isPublished, isKept] of [
      ['', true, true],
      ['?preventWillMessage=TRUE', false, true],
      ['?cleanSession=TRUE&preventWillMessage=FALSE', true, false],
    ] as const) {
      const clientId = world.newClientId('deleted');
      const will = { topic: `delete/${clientId}`, payload: Buffer.from('gone'), qos: 0, retain: false } as const;
      const device = await world.connected(4, clientId, { will, clean: false });
      const { status, body } = await call('DELETE', `/connections/${clientId}${query}`);
      assert.deepEqual({ status, body }, { status: 200, body: undefined });
      await world.ended(device, { disconnectReason: 'API_INITIATED_DISCONNECT' });
      assert.equal(
        world.messages().some(({ topic }) => topic === `delete/${clientId}`),
        isPublished,
      );
      assert.equal(world.emulator.broker.sessions.get(clientId) !== undefined, isKept);
      // It does not block reconnecting.
      const again = await world.connected(4, clientId, { clean: false });
      assert.equal(again.connack.sessionPresent, isKept);
      await again.disconnect();
    }
    const { status, errorType } = await call('DELETE', '/connections/nobody');
    assert.deepEqual({ status, errorType }, notFound);
    await watcher.disconnect();
  });

  test('DeleteConnection: a session without a connection can be cleaned too', async () => {
    const device = await world.connected(4, world.newClientId(), { clean: false });
    await device.disconnect();
    await world.event(device.clientId, 'disconnected');
    assert.equal((await call('DELETE', `/connections/${device.clientId}?cleanSession=TRUE`)).status, 200);
    assert.equal((await call('DELETE', `/connections/${device.clientId}?cleanSession=TRUE`)).status, 404);
  });

  test('ListSubscriptions: in pages, of sessions without a connection as well', async () => {
    const device = await world.connected(4, world.newClientId(), { clean: false });
    for (const part of [1, 2, 3]) {
      await device.subscribe([1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ topic: `${part}/${n}`, qos: 1 as const })));
    }
    await device.disconnect();
    await world.event(device.clientId, 'disconnected');
    const path = `/connections/${device.clientId}/subscriptions`;
    const first = (await call('GET', path)).body;
    assert.equal(first.subscriptions.length, 20);
    assert.deepEqual(first.subscriptions[0], { topicFilter: '1/1', qos: 1 });
    const second = (await call('GET', `${path}?nextToken=${first.nextToken}&maxResults=200`)).body;
    assert.deepEqual([second.subscriptions.length, second.nextToken], [4, undefined]);
    for (const query of ['maxResults=201', 'maxResults=0', 'nextToken=x']) {
      assert.equal((await call('GET', `${path}?${query}`)).errorType, 'InvalidRequestException');
    }
    assert.equal((await call('GET', '/connections/nobody/subscriptions')).status, 404);
  });

  test('Publish: topic, QoS, retain and the MQTT 5 properties', async () => {
    const device = await world.connected(5);
    await device.subscribe([{ topic: 'api/+/#', qos: 1 }]);
    const userProperties = Buffer.from(JSON.stringify([{ a: '1' }, { b: '2' }])).toString('base64');
    const query = 'qos=1&retain=true&contentType=text%2Fplain&responseTopic=answer%2Fhere&messageExpiry=50';
    const { status, body } = await call('POST', `/topics/${encodeURIComponent('api/ü/x')}?${query}`, {
      body: 'payload',
      headers: {
        'x-amz-mqtt5-user-properties': userProperties,
        'x-amz-mqtt5-payload-format-indicator': 'UTF8_DATA',
        'x-amz-mqtt5-correlation-data': Buffer.from('c').toString('base64'),
      },
    });
    assert.equal(status, 200);
    assert.equal(body.message, 'OK');
    assert.match(body.traceId, /^[0-9a-f-]{36}$/);
    const message = await device.receive();
    assert.deepEqual(
      [message.topic, message.payload.toString(), message.qos, message.retain],
      ['api/ü/x', 'payload', 1, false],
    );
    const { userProperties: pairs, ...properties } = message.properties ?? {};
    assert.deepEqual({ ...pairs }, { a: '1', b: '2' });
    assert.deepEqual(properties, {
      payloadFormatIndicator: true,
      messageExpiryInterval: 50,
      contentType: 'text/plain',
      responseTopic: 'answer/here',
      correlationData: Buffer.from('c'),
    });
    await device.disconnect();
  });

  test('Publish: a path whose topic has plain slashes', async () => {
    assert.equal((await call('POST', '/topics/plain/path/x?qos=0', { body: 'x' })).status, 200);
    assert.ok(world.messages().some(({ topic, clientId }) => topic === 'plain/path/x' && clientId === undefined));
  });

  test('Publish: refused as AWS refuses', async () => {
    const long = 't'.repeat(257);
    for (const path of [
      '%24SYS%2Fa',
      'a%2F%23',
      long,
      '1/2/3/4/5/6/7/8/9',
      '%24aws%2Fthings%2Fx?retain=true',
      'a?qos=2',
    ]) {
      const { status, errorType, body } = await call('POST', `/topics/${path}`, { body: 'x' });
      assert.deepEqual({ status, errorType }, { status: 400, errorType: 'InvalidRequestException' }, path);
      assert.deepEqual(Object.keys(body), ['message']);
    }
    const large = await call('POST', '/topics/a', { body: Buffer.alloc(131_073) });
    assert.deepEqual([large.status, large.errorType], [413, 'RequestEntityTooLargeException']);
    const badProperties = await call('POST', '/topics/a', {
      body: 'x',
      headers: { 'x-amz-mqtt5-user-properties': 'e30=' },
    });
    assert.equal(badProperties.errorType, 'InvalidRequestException');
  });

  test('GetRetainedMessage and ListRetainedMessages', async () => {
    await using other = await EmulatorWorld.start();
    const device = await other.connected(5);
    const properties = { userProperties: { a: '1' } };
    await device.publish({ topic: 'kept/b', payload: 'value', qos: 1, retain: true, properties });
    await device.publish({ topic: 'kept/a', payload: 'other', qos: 0, retain: true });
    await device.publish({ topic: 'not/kept', qos: 1 });
    const get = async (path: string) =>
      (await fetch(`${other.emulator.control}${path}`)).json() as Promise<Answer['body']>;
    const { lastModifiedTime, ...retained } = await get(`/retainedMessage/${encodeURIComponent('kept/b')}`);
    assert.ok(Math.abs(lastModifiedTime - Date.now()) < 60_000);
    assert.deepEqual(retained, {
      topic: 'kept/b',
      payload: Buffer.from('value').toString('base64'),
      qos: 1,
      userProperties: Buffer.from('[{"a":"1"}]').toString('base64'),
    });
    const first = await get('/retainedMessage?maxResults=1');
    assert.deepEqual(
      first.retainedTopics.map((one: { topic: string; payloadSize: number }) => [one.topic, one.payloadSize]),
      [['kept/a', 5]],
    );
    const second = await get(`/retainedMessage?maxResults=1&nextToken=${first.nextToken}`);
    assert.deepEqual([second.retainedTopics[0].topic, second.nextToken], ['kept/b', undefined]);
    const missing = await fetch(`${other.emulator.control}/retainedMessage/nothing`);
    assert.equal(missing.status, 404);
  });

  test('SendDirectMessage: reaches one that did not subscribe; confirmed by its PUBACK', async () => {
    const device = await world.connected(5);
    const path = `/connections/${device.clientId}/messages?topic=direct%2Fa`;
    assert.equal((await call('POST', path, { body: 'unconfirmed' })).status, 200);
    const first = await device.receive();
    assert.deepEqual([first.topic, first.payload.toString(), first.qos], ['direct/a', 'unconfirmed', 0]);
    const [answer, second] = await Promise.all([
      call('POST', `${path}&confirmation=true&contentType=text`, { body: 'confirmed' }),
      device.receive(),
    ]);
    assert.equal(answer.status, 200);
    assert.deepEqual([second.payload.toString(), second.qos, second.properties?.contentType], ['confirmed', 1, 'text']);
    assert.equal((await call('POST', '/connections/nobody/messages?topic=a', { body: 'x' })).status, 404);
    assert.equal((await call('POST', `/connections/${device.clientId}/messages?topic=%23`, { body: 'x' })).status, 400);
    world.gate.denied.add('iot:Receive direct/denied');
    const denied = await call('POST', `/connections/${device.clientId}/messages?topic=direct%2Fdenied`, { body: 'x' });
    assert.deepEqual([denied.status, denied.errorType], [403, 'ForbiddenException']);
  });

  test('SendDirectMessage: what is not confirmed in time fails', async () => {
    await using other = await EmulatorWorld.start();
    const device = await other.connected(5);
    const url = `${other.emulator.control}/connections/${device.clientId}/messages?topic=a&confirmation=true&timeout=2`;
    const answer = fetch(url, { method: 'POST', body: 'x' });
    await device.next('publish');
    other.advance(2_000);
    assert.equal((await answer).status, 504);
  });

  test('enrichment: the attributes of the publisher come as user properties, to MQTT 5 subscribers and to rules', async () => {
    const publisher = world.newClientId('enriched');
    world.gate.attributes.set(publisher, [
      ['site', 'north'],
      ['model', 'm1'],
    ]);
    const old = await world.connected(4, publisher);
    const [five, four] = [await world.connected(5), await world.connected(4)];
    for (const device of [five, four]) await device.subscribe([{ topic: 'enriched', qos: 0 }]);
    await old.publish({ topic: 'enriched', payload: 'x', qos: 0 });
    assert.deepEqual({ ...(await five.receive()).properties?.userProperties }, { site: 'north', model: 'm1' });
    assert.equal((await four.receive()).payload.toString(), 'x');
    const accepted = world.messages().find(({ topic }) => topic === 'enriched');
    assert.deepEqual(accepted?.userProperties, [
      ['site', 'north'],
      ['model', 'm1'],
    ]);
    assert.deepEqual([accepted?.clientId, accepted?.principalId], [publisher, 'principal']);
  });

  test('user properties, response topic and correlation data go on; Basic Ingest reaches rules and no subscriber', async () => {
    const [sender, receiver] = [await world.connected(5), await world.connected(5)];
    await receiver.subscribe([
      { topic: 'rpc', qos: 0 },
      { topic: '#', qos: 0 },
    ]);
    const properties = {
      responseTopic: 'rpc/answer',
      correlationData: Buffer.from([0, 1]),
      contentType: 'json',
      payloadFormatIndicator: true,
      userProperties: { a: ['1', '2'] },
    };
    await sender.publish({ topic: '$aws/rules/mine/rpc', payload: 'x', qos: 1 });
    await sender.publish({ topic: 'rpc', payload: 'x', qos: 1, properties });
    const received = await receiver.receive();
    assert.equal(received.topic, 'rpc');
    assert.deepEqual(
      { ...received.properties, userProperties: { ...received.properties?.userProperties } },
      properties,
    );
    assert.ok(world.messages().some(({ topic }) => topic === '$aws/rules/mine/rpc'));
    assert.equal(receiver.count('publish'), 1);
  });

  test('CUSTOMAUTH_TTL_EXPIRATION: the authorizer’s word ends, and with it the connection', async () => {
    await using other = await EmulatorWorld.start();
    other.gate.endsAtWallMs.set('token', Date.now() + 300_000);
    const device = await other.connected(5, 'token', { keepalive: 1_200 });
    other.advance(299_000);
    assert.ok(other.emulator.broker.live('token'));
    other.advance(2_000);
    await other.ended(device, { disconnectReason: 'CUSTOMAUTH_TTL_EXPIRATION', code: 0x87 });
  });
});
