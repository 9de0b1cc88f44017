import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { makeDirectory, program } from '../cli/spawned-cli.ts';
import { WireDevice } from '../integration/wire-device.ts';
import { allowAll, device } from './control-world.ts';
import { type HostileRequest, hostileRequests } from './hostile-requests.ts';
import { mutatedPackets } from './mutated-packets.ts';

/** `CROSSFADE_FUZZ_SEED` repeats what a failure names; `CROSSFADE_FUZZ_SECONDS` makes it longer. */
const seed = Number(process.env['CROSSFADE_FUZZ_SEED'] ?? Date.now() % 1_000_000);
const seconds = Number(process.env['CROSSFADE_FUZZ_SECONDS'] ?? 8);
const workers = 4;

interface Target {
  readonly control: string;
  readonly mqtts: number;
  readonly alpn: number;
  readonly ca: Buffer;
  /** A certificate that may do everything, of an exclusive thing whose type propagates attributes. */
  readonly identity: { readonly cert: string; readonly key: string };
}

test(`the emulator outlives whatever is sent to its ports (seed ${seed})`, {
  timeout: 60_000 + 1_000 * seconds,
}, async (t) => {
  const { target, exited } = await startTarget(t);
  const endMs = performance.now() + 1_000 * seconds;
  const kinds = [speakHttp, speakMqtt, speakMqtt, speakBytes];
  const isOver = () => performance.now() > endMs || exited.code !== undefined;
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      for (let round = 0; !isOver(); round += 1) {
        await kinds[worker % kinds.length]?.(target, { seed: seed + 1_000_003 * (worker + 1) + round, isOver });
      }
    }),
  );
  assert.equal(exited.code, undefined, `it ended with seed ${seed}: ${exited.stderr}`);
  const { identity } = await prepare(target.control, 'after');
  const survivor = await WireDevice.dial(
    { port: target.mqtts, tls: { ca: target.ca, servername: 'localhost', ...identity } },
    5,
  );
  t.after(() => survivor.socket.destroy());
  assert.equal((await survivor.connect('survivor')).reasonCode, 0);
  assert.deepEqual(await survivor.subscribe([{ topic: 'still/here', qos: 1 }]), [1]);
  await survivor.publish({ topic: 'still/here', qos: 1 });
  assert.equal((await survivor.receive()).topic, 'still/here');
});

interface Round {
  readonly seed: number;
  readonly isOver: () => boolean;
}

async function startTarget(t: TestContext) {
  const directory = await makeDirectory(t);
  const child = spawn(process.execPath, [program, 'emulate', 'aws-iot', '--dir', directory], { stdio: 'pipe' });
  const exited: { code: number | string | undefined; stderr: string } = { code: undefined, stderr: '' };
  child.stderr.on('data', (chunk: Buffer) => {
    exited.stderr = `${exited.stderr}${chunk}`.slice(-4_000);
  });
  const gone = once(child, 'exit').then(([code, signal]) => {
    exited.code = code ?? signal;
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { control, data, ca } = JSON.parse(line) as {
    readonly control: string;
    readonly data: { readonly mqtts: number; readonly alpn: number };
    readonly ca: string;
  };
  const { identity } = await prepare(control, 'before');
  return { target: { control, ...data, ca: await readFile(ca), identity } satisfies Target, exited };
}

/** A device that may do everything; the endpoint is as it was on the first day. */
async function prepare(control: string, name: string) {
  const call = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const given = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${control}${path}`, { method, headers, ...given });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, string>);
  };
  const minted = device(name);
  await call('PUT', '/domainConfigurations/iot:Data-ATS', {
    ...{ domainConfigurationStatus: 'ENABLED', authenticationType: 'DEFAULT', applicationProtocol: 'DEFAULT' },
  });
  const { certificateArn = '' } = await call('POST', '/certificate/register-no-ca', {
    ...{ certificatePem: minted.certificate, status: 'ACTIVE' },
  });
  await call('POST', `/policies/${name}`, { policyDocument: allowAll });
  await call('PUT', `/target-policies/${name}`, { target: certificateArn });
  const propagatingAttributes = [{ userPropertyKey: 'place', thingAttribute: 'place' }];
  await call('POST', `/thing-types/${name}`, {
    thingTypeProperties: { mqtt5Configuration: { propagatingAttributes } },
  });
  await call('POST', `/things/${name}`, { thingTypeName: name, attributePayload: { attributes: { place: 'cellar' } } });
  await call('PUT', `/things/${name}/principals?thingPrincipalType=EXCLUSIVE_THING`, undefined, {
    'x-amzn-principal': certificateArn,
  });
  await call('POST', `/rules/${name}`, {
    ...{ sql: "SELECT *, topic() AS topic, principal() AS who FROM 'rule/#'", awsIotSqlVersion: '2016-03-23' },
    actions: [{ s3: { roleArn: 'arn:aws:iam::123456789012:role/x', bucketName: 'landing', key: 'last' } }],
  });
  return { identity: { cert: minted.certificate, key: minted.key } };
}

/** No request is the emulator's own fault: it answers with an exception of the service, and never with a 500. */
async function speakHttp({ control }: Target, round: Round): Promise<void> {
  for (const hostile of fc.sample(hostileRequests, { seed: round.seed, numRuns: 50 })) {
    if (round.isOver()) return;
    const { status, exception, body } = await sendRequest(control, hostile);
    const said = `${JSON.stringify(hostile)} (seed ${seed}): ${status} ${body}`;
    assert.notEqual(status, 500, said);
    if (status >= 400) assert.notEqual(exception, undefined, said);
  }
}

function sendRequest(control: string, { method, target, headers, body }: HostileRequest) {
  const { hostname, port } = new URL(control);
  return new Promise<{ status: number; exception: string | undefined; body: string }>((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const call = request({ hostname, port, method, path: target, headers: { ...headers, ...length } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => {
        const exception = answer.headers['x-amzn-errortype'];
        resolve({ status: answer.statusCode ?? 0, exception: exception?.toString(), body: text });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

interface ConnectFields {
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly willTopic: string | null;
  readonly clean: boolean;
}

const connectFields: fc.Arbitrary<ConnectFields> = fc.record({
  version: fc.constantFrom(4 as const, 5 as const),
  clientId: fc.oneof(fc.uuid(), fc.constantFrom('__proto__', 'constructor', '', 'a/b#+', '$x')),
  willTopic: fc.option(fc.constantFrom('rule/will', 'a', '$aws/rules/before/x', '__proto__')),
  clean: fc.boolean(),
});
const conversations = fc.record({
  connect: fc.oneof({ weight: 5, arbitrary: connectFields.map(connectBytes) }, mutatedConnects()),
  packets: fc.array(mutatedPackets, { maxLength: 12 }),
  port: fc.constantFrom('mqtts' as const, 'alpn' as const),
  serverName: fc.constantFrom('localhost', 'x.example', 'A_b', '..'),
  isPaused: fc.boolean(),
  end: fc.constantFrom('end' as const, 'destroy' as const),
});

function connectBytes({ version, clientId, willTopic, clean }: ConnectFields): Buffer {
  const will =
    willTopic === null ? {} : { will: { topic: willTopic, payload: Buffer.from('w'), qos: 1, retain: false } };
  const head = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: version, clientId, keepalive: 60 } as const;
  const isClean = clean || clientId === '';
  return mqttPacket.generate({ ...head, clean: isClean, ...will } as mqttPacket.IConnectPacket);
}

function mutatedConnects(): fc.Arbitrary<Buffer> {
  const changes = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 });
  return fc.tuple(connectFields.map(connectBytes), changes).map(([bytes, list]) => {
    for (const [at, value] of list) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
}

async function speakMqtt(target: Target, round: Round): Promise<void> {
  for (const conversation of fc.sample(conversations, { seed: round.seed, numRuns: 20 })) {
    if (round.isOver()) return;
    const { connect, packets, port, serverName, isPaused, end } = conversation;
    const alpn = port === 'alpn' ? { ALPNProtocols: ['x-amzn-mqtt-ca'] } : {};
    const tls = { ...target.identity, ...alpn, servername: serverName, rejectUnauthorized: false };
    const socket = connectTls({ host: '127.0.0.1', port: target[port], ...tls });
    await converse(socket, [connect, ...packets], { isPaused, end });
  }
}

/** Bytes to a TLS port and to the HTTP port. */
async function speakBytes(target: Target, round: Round): Promise<void> {
  const ports = [target.mqtts, target.alpn, Number(new URL(target.control).port)];
  const heads = ['', '16030100', '160301ffff01', '474554202f20485454502f312e310d0a', '504f5354202f746f706963732f61'];
  const garbage = fc.record({
    port: fc.constantFrom(...ports),
    head: fc.constantFrom(...heads).map((hex) => Buffer.from(hex, 'hex')),
    bytes: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    end: fc.constantFrom('end' as const, 'destroy' as const),
  });
  for (const { port, head, bytes, end } of fc.sample(garbage, { seed: round.seed, numRuns: 30 })) {
    if (round.isOver()) return;
    await converse(connectTcp({ host: '127.0.0.1', port }), [head, bytes], { isPaused: false, end });
  }
}

interface Manner {
  /** Nothing is read. */
  readonly isPaused: boolean;
  readonly end: 'end' | 'destroy';
}

async function converse(socket: Socket, parts: readonly Buffer[], { isPaused, end }: Manner): Promise<void> {
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const answered = new Promise<void>((resolve) => socket.once(isPaused ? 'close' : 'data', () => resolve()));
  if (!isPaused) socket.resume();
  for (const part of parts) {
    if (socket.destroyed) break;
    socket.write(part);
    // CONNACK may come before the next part.
    await Promise.race([answered, pause(5)]);
  }
  if (end === 'end') socket.end();
  await Promise.race([closed, pause(20)]);
  socket.destroy();
}
