import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { AnswerMessage } from '../../src/nameserver/answering.ts';
import type { NameserverSockets } from '../../src/nameserver/nameserver-sockets.ts';
import type { TcpLimits } from '../../src/nameserver/tcp-service.ts';
import { until } from '../gateway/until.ts';
import { createSockets, framedMessage, reverse, TcpClient, tcpLimits } from './socket-world.ts';

const started: NameserverSockets[] = [];
const clients: TcpClient[] = [];
after(() => {
  for (const client of clients) client.socket.destroy();
  for (const sockets of started) sockets.stop();
});

async function start(limits: Partial<TcpLimits> = {}, answer: AnswerMessage = reverse) {
  const sockets = createSockets({ answer, tcp: { ...tcpLimits, ...limits } });
  started.push(sockets);
  const { port } = await sockets.listen({ host: '127.0.0.1', port: 0 });
  return {
    sockets,
    client: () => {
      const client = new TcpClient(port);
      clients.push(client);
      return client;
    },
  };
}

const texts = (messages: readonly Buffer[]) => messages.map(String);

describe('TCP', () => {
  test('many questions in one segment are all answered', async () => {
    const { client } = await start();
    const asking = client();
    const questions = Array.from({ length: 1_000 }, (_, index) => Buffer.from(`question ${index}`));
    asking.ask(...questions);
    const answers = await asking.received(1_000);
    assert.deepEqual(
      texts(answers),
      questions.map((question) => [...String(question)].reverse().join('')),
    );
  });

  test('the longest message may come an octet at a time, and its answer be as long', async () => {
    const { client } = await start();
    const asking = client();
    asking.socket.setNoDelay(true);
    const message = Buffer.alloc(65_535);
    for (let at = 0; at < message.length; at += 1) message[at] = at % 251;
    for (const octet of framedMessage(message)) asking.socket.write(Buffer.of(octet));
    const [answer] = await asking.received(1);
    assert.deepEqual(answer, Buffer.from(message).reverse());
  });

  test('who ends its side after the last question gets its answers, then the end', async () => {
    const { client } = await start();
    const asking = client();
    asking.ask(Buffer.from('ab'), Buffer.from('cd'));
    asking.socket.end();
    await asking.ended();
    assert.deepEqual(texts(asking.messages), ['ba', 'dc']);
  });

  test('who ends its side behind more questions than one turn answers gets all its answers', async () => {
    const { client } = await start();
    const questions = Array.from({ length: 500 }, (_, index) => Buffer.from(`question ${index}`));
    for (let round = 0; round < 5; round += 1) {
      const asking = client();
      asking.ask(...questions);
      asking.socket.end();
      await asking.ended();
      assert.deepEqual(texts(asking.messages), texts(questions.map((question) => Buffer.from(question).reverse())));
    }
  });

  test('silence to one message leaves the connection for the next', async () => {
    const { client } = await start();
    const asking = client();
    asking.ask(Buffer.of(), Buffer.from('ab'));
    assert.deepEqual(texts(await asking.received(1)), ['ba']);
  });

  test('who is silent for too long is ended', async () => {
    const { client } = await start({ idleMs: 1 });
    await client().ended();
  });

  test('a message that is not finished in time ends its connection, however busy that was', async () => {
    const { client } = await start({ messageMs: 1 });
    const asking = client();
    asking.ask(Buffer.from('ab'));
    await asking.received(1);
    asking.socket.write(Buffer.of(0));
    await asking.ended();
    assert.deepEqual(texts(asking.messages), ['ba']);
  });

  test('who does not read is not read from, and is ended in time', async () => {
    let answered = 0;
    const { client, sockets } = await start({ idleMs: 1_500 }, () => {
      answered += 1;
      return Buffer.alloc(65_535);
    });
    const asking = client();
    asking.socket.pause();
    const question = framedMessage(Buffer.alloc(12));
    asking.socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => question)));
    await until(() => answered > 0 && sockets.tcpConnections === 0);
    // What the kernel's buffers take, and not twenty thousand answers of 64 KiB.
    assert.ok(answered < 2_000, `${answered} answers`);
  });

  test('the longest silent connection makes room for a further one', async () => {
    const { client, sockets } = await start({ connections: 3 });
    const asking = [client(), client(), client()] as const;
    for (const one of asking) {
      one.ask(Buffer.from('ab'));
      await one.received(1);
    }
    asking[0].ask(Buffer.from('cd'));
    await asking[0].received(2);
    const further = client();
    further.ask(Buffer.from('ef'));
    assert.deepEqual(texts(await further.received(1)), ['fe']);
    await asking[1].ended();
    asking[0].ask(Buffer.from('gh'));
    assert.deepEqual(texts(await asking[0].received(3)).at(2), 'hg');
    assert.equal(sockets.tcpConnections, 3);
  });

  test('one client’s thousands of idle connections leave room for its own next question', async () => {
    const { client, sockets } = await start({ connections: 50, connectionsPerClient: 10 });
    for (let count = 0; count < 200; count += 1) client();
    const asking = client();
    asking.ask(Buffer.from('ab'));
    assert.deepEqual(texts(await asking.received(1)), ['ba']);
    assert.ok(sockets.tcpConnections <= 10);
  });
});
