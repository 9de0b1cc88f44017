import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { FirstContactTerms } from '../../src/gateway/first-contact-choice.ts';
import type { HandoverQuestion, HandoverReply } from '../../src/gateway/live-session.ts';
import type { RegistrationRequest, RegistrationResult } from '../../src/gateway/registrar.ts';
import type { RegistrationTokens } from '../../src/session/registration-tokens.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { connackAccepted, connackAccepted5 } from './scripted-broker.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

/** Tokens that are given by hand, and what was used without. */
class HandedRegistrations implements RegistrationTokens {
  readonly waiting: (() => void)[] = [];
  spent = 0;

  take(_broker: string, handleGranted: () => void): () => void {
    const grant = () => [takeBack, handleGranted].forEach((each) => void each());
    const takeBack = () => void (this.waiting.includes(grant) && this.waiting.splice(this.waiting.indexOf(grant), 1));
    this.waiting.push(grant);
    return takeBack;
  }

  spend(_broker: string, registrations: number): void {
    this.spent += registrations;
  }
}

const usual: FirstContactTerms = {
  registrationsPerSecond: 10,
  retries: 1,
  refusedAfterCloses: 50,
  refusedAfterMs: 60_000,
};

let world: GatewayWorld;
let devices: TestDevice[] = [];
let tokens: HandedRegistrations;
/** Client IDs whose certificates are active at the target. */
let registered: Set<string>;
let asked: RegistrationRequest[];

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  devices = [];
  await world.stop();
});

interface Terms extends Partial<FirstContactTerms> {
  readonly answerMs?: number;
  readonly registrar?: (request: RegistrationRequest) => RegistrationResult;
  readonly profile?: string;
}

/** A target that closes the CONNECTs of certificates that are not active, and a source that takes everybody. */
async function start({ answerMs = 6_000, registrar, ...terms }: Terms = {}): Promise<void> {
  const endpoints = [{ host: '127.0.0.1', tls: false }];
  const register = registrar === undefined ? ('jitr' as const) : ('on-sight' as const);
  const identity = {
    mode: 'device-certificate',
    vouchUnverified: true,
    firstContact: { ...usual, ...terms },
    register,
  } as const;
  tokens = new HandedRegistrations();
  registered = new Set();
  asked = [];
  world = await createGatewayWorld({
    settings: {
      clientIdPolicy: 'any',
      brokers: { legacy: { profile: 'mqtt', endpoints }, target: { profile: 'mqtt', endpoints, identity } },
      handover: { overlapMs: 30, settleMs: 5, rollbackWindowMs: 60_000, attemptMs: 5_000 },
    },
    limits: { brokerAnswerMs: answerMs },
    random: () => 0,
    registrations: tokens,
    ...(registrar !== undefined && {
      registrar: {
        async register(request) {
          asked.push(request);
          return registrar(request);
        },
      },
    }),
  });
  world.desired = 'target';
  for (const broker of [world.legacy, world.target]) broker.grants = 1;
  world.target.judge = (clientId) => (registered.has(clientId) ? connackAccepted : 'close');
}

async function connect(clientId: string, options = {}): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port);
  devices.push(device);
  device.connect(clientId, options);
  return device;
}

/** Its CONNACK has to be 0: it is never refused. */
async function attach(clientId: string, options = {}): Promise<TestDevice> {
  const device = await connect(clientId, options);
  const connack = await device.inbox.packet('connack');
  assert.equal(connack['returnCode'], 0, clientId);
  return device;
}

const homes = () =>
  Object.fromEntries(world.gateway.sessions({ limit: 100 }).map(({ clientId, home }) => [clientId, home]));
const reasonOf = (clientId: string) => world.gateway.sessions({ limit: 1, clientId, withReasons: true })[0]?.reason;
const contacts = (result: string) => metricValue(world.metrics.firstContacts, { broker: 'target', result });

function ask(question: Partial<HandoverQuestion> = {}): HandoverReply {
  return world.gateway.handOver({ move: 'm', cohorts: ['everyone'], begin: 10, order: 'first-first', ...question });
}

/** Unknown ones come until the target is taken to close them all. */
async function meter(): Promise<void> {
  for (let index = 0; index < 5; index += 1) await attach(`stranger-${index}`);
  for (const { socket } of devices.splice(0)) socket.destroy();
  await until(() => world.gateway.sessions({ limit: 1 }).length === 0, 'nobody connected');
}

describe('a device that its target does not know', () => {
  it('waits for the second try, which is 1.1 s later, and is on the target', async () => {
    await start();
    const beganMs = performance.now();
    const device = connect('meter-1');
    await until(() => world.outcomes.length === 1, 'the close');
    registered.add('meter-1');
    assert.equal((await (await device).inbox.packet('connack'))['returnCode'], 0);
    assert.ok(performance.now() - beganMs >= 1_090);
    assert.deepEqual([homes(), world.legacy.legs.length], [{ 'meter-1': 'target' }, 0]);
    assert.deepEqual([await contacts('closed'), await contacts('accepted'), tokens.spent], [1, 1, 1]);
    assert.deepEqual(world.outcomes, ['turned-away', 'answered']);
  });

  it('is served by its source, says why, and is not tried again at its next CONNECT a moment later', async () => {
    await start({ retries: 0 });
    const device = await attach('meter-1');
    assert.deepEqual(homes(), { 'meter-1': 'legacy' });
    assert.equal(reasonOf('meter-1'), 'unregistered: target does not know it yet (closed 1 times)');
    assert.deepEqual(world.gateway.counts().unregistered, [{ broker: 'target', cohort: 'everyone', sessions: 1 }]);
    assert.match(world.gateway.misplaced(['everyone'])[0]?.unregistered ?? '', /^unregistered/);
    device.socket.destroy();
    await until(() => world.registry.ends.length === 1, 'the end');
    await attach('meter-1');
    assert.equal(world.target.legs.length, 1);
    assert.equal(world.registry.claims.at(-1)?.desired, 'legacy');
    assert.equal(world.registry.attachments.at(-1)?.broker, 'legacy');
  });

  it('goes to the source at once where the target closes everybody of late, with another one’s place in the line', async () => {
    await start({ retries: 0 });
    await meter();
    const legs = world.target.legs.length;
    await attach('meter-1');
    assert.deepEqual([homes(), world.target.legs.length], [{ 'meter-1': 'legacy' }, legs]);
    assert.equal(reasonOf('meter-1'), 'unregistered: its first contact with target waits for its turn');
    assert.equal(await contacts('source-first'), 1);
    registered.add('meter-1');
    ask();
    assert.deepEqual([ask().unregistered, tokens.waiting.length, world.target.legs.length], [1, 1, legs], 'one wish');
    tokens.waiting[0]?.();
    await until(() => ask().remaining === 0 && homes()['meter-1'] === 'target', 'on the target');
    assert.deepEqual([ask().unregistered, tokens.spent], [0, 5 - 1], 'five were closed, and one token came back');
  });

  it('that was accepted before is dialled for even then', async () => {
    await start({ retries: 0 });
    registered.add('meter-1');
    (await attach('meter-1')).socket.destroy();
    await until(() => world.registry.ends.length === 1, 'the end');
    await meter();
    await attach('meter-1');
    assert.deepEqual(homes(), { 'meter-1': 'target' });
  });

  it('never waits where a fleet that is registered comes back to a gateway that knows nobody', async () => {
    await start();
    const names = Array.from({ length: 60 }, (_, index) => `meter-${index}`);
    for (const name of names) registered.add(name);
    const beganMs = performance.now();
    await Promise.all(names.map((name) => attach(name)));
    assert.ok(performance.now() - beganMs < 1_000);
    assert.ok(Object.values(homes()).every((home) => home === 'target'));
    assert.deepEqual([tokens.waiting.length, tokens.spent, world.legacy.legs.length], [0, 0, 0]);
  });

  it('hears CONNACK 3 within its patience where there is no source, as of a broker that does not answer', async () => {
    await start({ answerMs: 2_600 });
    world.isOverridden = true;
    const device = await connect('meter-1');
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 3);
    assert.equal(world.target.legs.length, 2);
    await until(() => world.registry.ends.length === 1, 'the end');
  });

  it('waits for its turn where there is no source, and the one whose patience ends gives it up', async () => {
    await start({ answerMs: 1_500, retries: 0 });
    await meter();
    world.isOverridden = true;
    registered.add('meter-1');
    const device = connect('meter-1');
    await until(() => tokens.waiting.length === 1, 'the wish');
    tokens.waiting[0]?.();
    assert.equal((await (await device).inbox.packet('connack'))['returnCode'], 0);
    const late = await connect('meter-2');
    await until(() => tokens.waiting.length === 1, 'the wish');
    assert.equal((await late.inbox.packet('connack'))['returnCode'], 3);
    assert.equal(tokens.waiting.length, 0);
  });

  it('that goes away between two tries leaves nothing behind', async () => {
    await start();
    const device = await connect('meter-1');
    await until(() => world.outcomes.length === 1, 'the close');
    device.socket.destroy();
    await until(() => world.registry.ends.length === 1, 'the end');
    assert.deepEqual([world.target.legs.length, world.legacy.legs.length], [1, 0]);
  });

  it('begins anew on the source where its session was at the target, which is known to hold an old one', async () => {
    await start({ answerMs: 2_600 });
    world.registry.answer = (request, epoch) => ({
      ...{ granted: true, epoch, broker: request.desired, hasHome: true, tookOver: false },
      former: ['legacy'],
      remains: { received: [7], expired: false },
    });
    const device = await attach('meter-1', { clean: false });
    assert.equal(homes()['meter-1'], 'legacy');
    const asked = world.legacy.legs.map(({ inbox }) => inbox.packets[0]);
    assert.deepEqual(
      asked.map((packet) => packet?.cmd === 'connect' && packet.clean),
      [true, false],
      'an older session there is ended first',
    );
    const brokers = world.registry.attachments.map(({ broker }) => broker);
    assert.deepEqual(brokers, ['legacy', 'target', 'legacy']);
    assert.equal((await device.inbox.packet('connack'))['sessionPresent'], false);
  });
});

describe('a target that forbids', () => {
  it('with CONNACK 5, is asked once: the device is on its source, listed as refused', async () => {
    await start();
    world.target.judge = () => Buffer.from([0x20, 2, 0, 5]);
    (await attach('meter-1')).socket.destroy();
    await until(() => world.registry.ends.length === 1, 'the end');
    await attach('meter-1');
    assert.deepEqual([homes(), world.target.legs.length], [{ 'meter-1': 'legacy' }, 1]);
    const reply = ask();
    assert.match(reply.staying[0]?.reason ?? '', /^refused by target/);
    assert.deepEqual([reply.remaining, reply.unregistered, await contacts('refused')], [0, 0, 1]);
    assert.deepEqual(world.outcomes, ['answered', 'answered', 'answered'], 'none of which blames an endpoint');
  });

  it('by closing again and again, is told from one that takes its time: refused, counted once, and asked seldom', async () => {
    await start({ retries: 0, refusedAfterCloses: 2, refusedAfterMs: 1 });
    await attach('meter-1');
    assert.equal(await contacts('refused'), 0);
    await until(() => {
      ask();
      for (const grant of [...tokens.waiting]) grant();
      return ask().staying.length === 1;
    }, 'the refusal');
    assert.match(reasonOf('meter-1') ?? '', /^refused by target/);
    assert.deepEqual([await contacts('closed'), await contacts('refused')], [2, 1]);
    assert.equal(homes()['meter-1'], 'legacy');
  });

  it('a device of MQTT 5 with 0x87, leaves it on its source', async () => {
    await start();
    for (const broker of [world.legacy, world.target]) broker.protocolVersion = 5;
    world.legacy.onConnect = connackAccepted5;
    world.target.judge = () => Buffer.from([0x20, 3, 0, 0x87, 0]);
    const device = await TestDevice.dial(world.port, 5);
    devices.push(device);
    device.connect('meter-1');
    assert.equal((await device.inbox.packet('connack'))['reasonCode'], 0);
    assert.equal(homes()['meter-1'], 'legacy');
  });
});

describe('a move to a target that does not know the devices', () => {
  it('leaves the session where it is, undisturbed and pending, and brings it over when it is known', async () => {
    await start({ retries: 0 });
    world.desired = 'legacy';
    const device = await attach('meter-1');
    await world.cutOver('target');
    const closed: HandoverReply[] = [];
    await until(() => closed.push(ask()) > 0 && closed.at(-1)?.unregistered === 1, 'pending');
    const sum = (figure: 'begun' | 'turnedAway' | 'contacted') =>
      closed.reduce((total, reply) => total + reply[figure], 0);
    assert.deepEqual([sum('begun'), sum('turnedAway'), sum('contacted')], [1, 1, 0], 'counts as not begun');
    const [pending] = closed.slice(-1);
    assert.deepEqual([pending?.remaining, pending?.aborted.length], [0, 0], 'neither remaining nor given up');
    assert.match(pending?.waiting[0]?.reason ?? '', /^unregistered/);
    device.send({ cmd: 'publish', topic: 't', payload: 'p', qos: 1, messageId: 5, dup: false, retain: false });
    await device.inbox.packet('puback');
    registered.add('meter-1');
    await until(() => {
      ask();
      for (const grant of [...tokens.waiting]) grant();
      return homes()['meter-1'] === 'target';
    }, 'on the target');
    assert.equal(device.inbox.isClosed, false);
    assert.equal(world.target.legs.length, 2);
    const [source] = world.legacy.legs;
    assert.deepEqual(source?.inbox.commands(), ['connect', 'publish'], 'no more than the device sent');
  });

  it('takes its wish back when it is aborted, when the plan turns, and when the device goes', async () => {
    await start({ retries: 0 });
    await meter();
    await attach('meter-1');
    ask();
    assert.equal(tokens.waiting.length, 1);
    world.gateway.abortHandovers('m');
    assert.equal(tokens.waiting.length, 0);
    ask();
    devices[0]?.socket.destroy();
    await until(() => tokens.waiting.length === 0, 'the device gone');
    await attach('meter-2');
    ask();
    const legs = world.target.legs.length;
    await world.cutOver('legacy');
    tokens.waiting[0]?.();
    await until(() => tokens.spent === 5 - 1, 'the token back');
    assert.equal(world.target.legs.length, legs);
  });

  it('that is for first contacts alone touches nobody else', async () => {
    await start({ retries: 0 });
    world.desired = 'legacy';
    registered.add('known');
    await attach('known');
    world.desired = 'target';
    await attach('meter-1');
    await world.cutOver('target');
    registered.add('meter-1');
    const question = { move: 'first-contact', isFirstContact: true, isUpkeep: true };
    await until(() => {
      ask(question);
      for (const grant of [...tokens.waiting]) grant();
      return homes()['meter-1'] === 'target';
    }, 'on the target');
    assert.equal(homes()['known'], 'legacy');
  });
});

describe('a session on a target that knows its device no more', () => {
  async function lose(others: boolean): Promise<void> {
    await start();
    for (const name of ['meter-1', 'meter-2']) registered.add(name);
    await attach('meter-1');
    registered.delete('meter-1');
    const [leg] = world.target.legs;
    leg?.socket.destroy();
    await until(() => world.target.legs.length > 1, 'the repair');
    if (others) await attach('meter-2');
  }

  it('goes to its source behind three closes, while the target accepts others', async () => {
    await lose(true);
    await until(() => homes()['meter-1'] === 'legacy', 'on the source');
    assert.equal(devices[0]?.inbox.isClosed, false);
    assert.match(reasonOf('meter-1') ?? '', /^unregistered/);
  });

  it('waits where the target may be in trouble itself', async () => {
    await lose(false);
    await until(() => world.target.legs.length >= 5, 'four closes');
    assert.equal(homes()['meter-1'], 'target');
    assert.equal(world.legacy.legs.length, 0);
  });
});

describe('register: on-sight', () => {
  it('has a device registered behind the first close, which then is on the target', async () => {
    await start({
      registrar: ({ device }) => {
        registered.add(device.key);
        return 'registered';
      },
    });
    await attach('meter-1');
    assert.equal(homes()['meter-1'], 'target');
    const device = { kind: 'clientid', key: 'meter-1' };
    assert.deepEqual(asked, [{ broker: 'target', certificate: 'target meter-1', device, clientId: 'meter-1' }]);
    assert.equal(await metricValue(world.metrics.registrations, { broker: 'target', result: 'registered' }), 1);
  });

  it('asks nobody about a device that the target knows', async () => {
    await start({ registrar: () => assert.fail('asked') });
    registered.add('meter-1');
    await attach('meter-1');
    assert.equal(homes()['meter-1'], 'target');
  });

  it('leaves it on the source without waiting where the registrar has no time, and asks before each next contact', async () => {
    let result: RegistrationResult = 'throttled';
    await start({ registrar: () => result });
    const beganMs = performance.now();
    await attach('meter-1');
    assert.ok(performance.now() - beganMs < 1_000);
    assert.equal(homes()['meter-1'], 'legacy');
    result = 'already';
    registered.add('meter-1');
    await until(() => {
      ask();
      for (const grant of [...tokens.waiting]) grant();
      return homes()['meter-1'] === 'target';
    }, 'on the target');
    assert.equal(asked.length, 2);
  });

  it('lists one that the registrar refuses', async () => {
    await start({ registrar: () => 'refused' });
    await attach('meter-1');
    assert.match(ask().staying[0]?.reason ?? '', /^refused by target/);
    assert.equal(homes()['meter-1'], 'legacy');
  });
});
