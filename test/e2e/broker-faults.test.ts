import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { likelyFreePort } from '../integration/spawned-process.ts';
import { Device } from './device.ts';
import { FaultWorld } from './fault-world.ts';

const held = new Set<Socket>();
const silent = await listen(() => {});
const closing = await listen((socket) => socket.once('data', () => socket.destroy()));
const talking = await listen((socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')));

async function listen(serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    held.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server: Server): string {
  const address = server.address();
  return `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

const faults = ['refusing', 'silent', 'closing', 'talking', 'unresolved'] as const;
const world = await FaultWorld.start({
  brokers: {
    refusing: { url: `mqtt://127.0.0.1:${likelyFreePort()}` },
    silent: { url: urlOf(silent) },
    closing: { url: urlOf(closing) },
    talking: { url: urlOf(talking) },
    unresolved: { url: 'mqtt://broker.invalid:1883' },
  },
  sections: {
    plan: {
      default: 'legacy',
      cohorts: faults.map((fault) => ({
        ...{ name: fault, match: { clientIdPrefix: `${fault}-` }, source: fault, target: 'legacy', weightBps: 0 },
      })),
    },
  },
});
const { gateway } = world;
after(async () => {
  await world[Symbol.asyncDispose]();
  for (const socket of held) socket.destroy();
  for (const server of [silent, closing, talking]) server.close();
});

/** The code of the refusing CONNACK and how long it took. */
async function refusal(clientId: string, protocolVersion: 3 | 4 | 5): Promise<{ code: number; tookMs: number }> {
  const startedMs = performance.now();
  const protocolId = protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
  await using device = new Device({ clientId, to: gateway.port, protocolVersion, protocolId });
  await device.until('refused', () => device.refusals.length > 0 || device.closes > 0);
  return { code: device.refusals[0] ?? -1, tookMs: performance.now() - startedMs };
}

test('a broker that is down, silent or broken is told to its devices within 10 s; others notice nothing', async () => {
  await using witness = await world.device('witness');
  await witness.client.subscribeAsync('ticks', { qos: 1 });
  let longestMs = 0;
  let isOver = false;
  const ticking = (async () => {
    for (let tick = 0; !isOver; tick += 1) {
      const startedMs = performance.now();
      await witness.client.publishAsync('ticks', `tick ${tick}`, { qos: 1 });
      await witness.received(`tick ${tick}`);
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      await new Promise((resolve) => setImmediate(resolve));
      witness.messages.splice(0);
    }
  })();
  const cases = faults.flatMap((fault) => ([3, 4, 5] as const).map((version) => ({ fault, version })));
  const outcomes = await Promise.all(
    cases.map(async ({ fault, version }) => ({
      ...{ fault, version },
      ...(await refusal(`${fault}-${version}`, version)),
    })),
  );
  isOver = true;
  await ticking;
  for (const { fault, version, code, tookMs } of outcomes) {
    assert.equal(code, version === 5 ? 0x88 : 3, `${fault}, version ${version}`);
    assert.ok(tookMs < 10_000, `${fault}, version ${version}, took ${Math.round(tookMs)} ms`);
  }
  assert.equal(witness.closes, 0);
  assert.ok(longestMs < 2_000, `a tick of the other broker took ${longestMs} ms`);
  for (const fault of faults) {
    assert.equal(await gateway.metric('crossfade_connects_total', { broker: fault }), 3, fault);
    assert.equal(await gateway.metric('crossfade_connects_total', { broker: fault, result: 'accepted' }), 0, fault);
  }
});

test('many devices of a broker that is down cost one log line, not one each', async () => {
  const from = gateway.process.lines.length;
  const refusals = await Promise.all(
    Array.from({ length: 60 }, (_, index) => refusal(`refusing-many-${index}`, index % 2 === 0 ? 4 : 5)),
  );
  assert.deepEqual(new Set(refusals.map(({ code }) => code)), new Set([3, 0x88]));
  const lines = gateway.process.lines.slice(from).filter((line) => line.includes('"broker":"refusing"'));
  assert.ok(lines.length <= 4, lines.join('\n'));
});
