import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { openWorld, payloadFile, type Visit, type World } from './doors.ts';

const versions = ['mqttv31', 'mqttv311', 'mqttv5'] as const;
const everything = '%t q%q r%r m%m %l %x';

suite('Mosquitto’s own clients see through the gateway what they see without it', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of versions) {
    for (const qos of ['0', '1', '2']) {
      const common = ['-V', version, '-q', qos];

      test(`${version} QoS ${qos}: published is received, packet for packet`, async () => {
        const { received } = await world.sameAtEveryDoor((visit) => publishAndSubscribe(visit, common));
        assert.equal(received.code, 0);
        assert.equal(received.lines.length, 3);
      });

      test(`${version} QoS ${qos}: retained is delivered later, and cleared`, async () => {
        const { kept, cleared } = await world.sameAtEveryDoor((visit) => retain(visit, common));
        assert.equal(kept.lines.length, 2);
        assert.equal(cleared.lines.length, 1);
      });
    }

    test(`${version}: 100 kB arrive byte for byte`, async () => {
      const payload = randomBytes(100_000);
      const file = await payloadFile(world.gateway, `payload-${version}`, payload);
      const digest = await world.sameAtEveryDoor(async (visit) => {
        const subscriber = await visit.subscribe('sub', ['-V', version, '-q', '2', '-t', 'TAG', '-C', '1', '-F', '%x']);
        const published = await visit.run('mosquitto_pub', ['-V', version, '-q', '2', '-t', 'TAG', '-f', file]);
        assert.deepEqual(published, { code: 0, lines: [] });
        await subscriber.exited;
        return createHash('sha256')
          .update(Buffer.from(subscriber.lines.join(''), 'hex'))
          .digest('hex');
      });
      assert.equal(digest, createHash('sha256').update(payload).digest('hex'));
    });

    test(`${version}: the broker’s own topics`, async () => {
      const topic = '$SYS/broker/version';
      const told = await world.sameAtEveryDoor((visit) =>
        visit.run('mosquitto_sub', ['-V', version, '-t', topic, '-C', '1', '-F', '%t %p']),
      );
      assert.match(told.lines.join(), /mosquitto version/);
    });

    test(`${version}: messages queued for a session that was away`, async () => {
      const queued = await world.sameAtEveryDoor((visit) => queueForAbsent(visit, version));
      assert.equal(queued.lines.length, 5);
    });
  }

  test('the clients did come through the gateway', async () => {
    const metrics = await world.gateway.admin.metricsText();
    assert.ok(metrics.ok);
    const accepted = /crossfade_connects_total\{broker="legacy",result="accepted"\} (\d+)/.exec(metrics.value)?.[1];
    assert.ok(Number(accepted) > 3 * 100, `accepted ${accepted}`);
  });

  test('a request and its response', async () => {
    const response = await world.sameAtEveryDoor(async (visit) => {
      const common = ['-V', 'mqttv5', '-q', '1'];
      const responder = await visit.subscribe('srv', [...common, '-t', 'TAG/ask', '-C', '1', '-F', '%R %D']);
      const asking = visit.run('mosquitto_rr', [
        ...common,
        '-t',
        'TAG/ask',
        '-e',
        'TAG/answer',
        '-m',
        'how much?',
        '-d',
      ]);
      await responder.exited;
      const property = (name: string, value: string) => ['-D', 'publish', name, value];
      await visit.run('mosquitto_pub', [
        '-t',
        'TAG/answer',
        '-m',
        '42',
        ...common,
        ...property('content-type', 'text/plain'),
      ]);
      const { code, lines } = await asking;
      return { code, asked: responder.lines, answer: lines.filter((line) => !line.startsWith('Client ')) };
    });
    assert.equal(response.code, 0);
    assert.ok(response.answer.includes('42'), response.answer.join());
  });

  for (const version of ['mqttv311', 'mqttv5']) {
    test(`${version}: a shared subscription gives each message to one member`, async () => {
      const shares = await world.sameAtEveryDoor(async (visit) => {
        const member = ['-V', version, '-q', '1', '-t', '$share/group/TAG/x', '-C', '3', '-F', '%p'];
        const members = [await visit.subscribe('m1', member), await visit.subscribe('m2', member)];
        for (const message of ['1', '2', '3', '4', '5', '6']) {
          await visit.run('mosquitto_pub', ['-V', version, '-q', '1', '-t', 'TAG/x', '-m', message]);
        }
        await Promise.all(members.map(({ exited }) => exited));
        return members.flatMap(({ lines }) => lines).sort();
      });
      assert.deepEqual(shares, ['1', '2', '3', '4', '5', '6']);
    });
  }

  test('properties of MQTT 5 arrive as they were sent', async () => {
    const properties = {
      'content-type': ['application/json'],
      'response-topic': ['TAG/answers'],
      'correlation-data': ['order-17'],
      'message-expiry-interval': ['3600'],
      'payload-format-indicator': ['1'],
      'user-property': ['place', 'Gärtnerei'],
    };
    const commandLine = Object.entries(properties).flatMap(([name, values]) => ['-D', 'PUBLISH', name, ...values]);
    const received = await world.sameAtEveryDoor(async (visit) => {
      const format = 'C=%C R=%R D=%D E=%E F=%F P=%P S=%S %p';
      const options = ['-V', 'mqttv5', '-q', '1', '-t', 'TAG', '-C', '1', '-F', format];
      const subscriber = await visit.subscribe('sub', [...options, '-D', 'SUBSCRIBE', 'subscription-identifier', '77']);
      await visit.run('mosquitto_pub', ['-V', 'mqttv5', '-q', '1', '-t', 'TAG', '-m', '{}', ...commandLine]);
      await subscriber.exited;
      // Whole seconds may pass on the way.
      return subscriber.lines.map((line) => line.replace(/E=(3600|359\d)/, 'E=an hour'));
    });
    assert.match(
      received.join(),
      /^C=application\/json R=TAG\/answers D=order-17 E=an hour F=1 P=place:Gärtnerei S=77 {}$/,
    );
  });
});

async function publishAndSubscribe(visit: Visit, common: readonly string[]) {
  const subscriber = await visit.subscribe('sub', [...common, '-t', 'TAG/+/x', '-C', '3', '-F', everything]);
  const publish = (...more: string[]) =>
    visit.run('mosquitto_pub', ['-d', ...common, '-i', 'TAG-pub', '-t', 'TAG/a/x', ...more]);
  const published = [await publish('-m', 'one'), await publish('-n'), await publish('-m', 'Grüße')];
  const { code } = await subscriber.exited;
  return { published, received: { code, lines: subscriber.lines } };
}

async function retain(visit: Visit, common: readonly string[]) {
  const publish = (...more: string[]) => visit.run('mosquitto_pub', [...common, ...more]);
  const subscribe = async (suffix: string) => {
    const options = [...common, '-t', 'TAG/#', '--retained-only', '-F', everything];
    const subscriber = await visit.subscribe(suffix, options);
    // The first message that is not retained ends it.
    await publish('-t', 'TAG/end', '-m', 'end');
    const { code } = await subscriber.exited;
    return { code, lines: subscriber.lines.sort() };
  };
  await publish('-r', '-t', 'TAG/a', '-m', 'first');
  await publish('-r', '-t', 'TAG/b', '-m', 'other');
  await publish('-r', '-t', 'TAG/a', '-m', 'second');
  const kept = await subscribe('s1');
  await publish('-r', '-t', 'TAG/a', '-n');
  const cleared = await subscribe('s2');
  await publish('-r', '-t', 'TAG/b', '-n');
  return { kept, cleared };
}

async function queueForAbsent(visit: Visit, version: string) {
  const session = ['-V', version, '-c', '-i', 'TAG-s', '-q', '1', '-t', 'TAG/q'];
  const lasting = version === 'mqttv5' ? [...session, '-x', '300'] : session;
  await visit.run('mosquitto_sub', [...lasting, '-E']);
  await visit.logged('Client TAG-s disconnected');
  for (const message of ['1', '2', '3', '4', '5']) {
    await visit.run('mosquitto_pub', ['-V', version, '-q', '1', '-t', 'TAG/q', '-m', message]);
  }
  return visit.run('mosquitto_sub', [...lasting, '-C', '5', '-F', everything]);
}
