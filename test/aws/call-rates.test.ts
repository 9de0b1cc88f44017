import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallRates, type CallRatesOptions } from '../../src/aws/call-rates.ts';
import { IotFailure, toIotFailure } from '../../src/aws/iot-failure.ts';

/** A clock that waiting sets forward. */
function open(options: Partial<CallRatesOptions> = {}) {
  const time = { nowMs: 0 };
  const waits: number[] = [];
  const counted: string[] = [];
  const rates = new CallRates({
    clock: { monotonicMs: () => time.nowMs },
    random: () => 0.5,
    wait: async (ms) => {
      waits.push(ms);
      time.nowMs += ms;
    },
    onCall: (operation, result) => counted.push(`${operation} ${result}`),
    ...options,
  });
  return { rates, time, waits, counted };
}

function named(name: string, status?: number): Error {
  const metadata = status === undefined ? {} : { $metadata: { httpStatusCode: status } };
  return Object.assign(new Error(`scripted ${name}`), { name }, metadata);
}

test("calls of one operation keep its quota's pace in the order in which they came; others do not wait", async () => {
  const { rates, time } = open();
  const made: string[] = [];
  const calls = Array.from({ length: 17 }, (_, index) =>
    rates.call('RegisterCertificate', async () => made.push(`${index} at ${time.nowMs}`)),
  );
  await rates.call('CreateThing', async () => made.push('thing'));
  await Promise.all(calls);
  const registered = made.filter((text) => text !== 'thing').map((text) => Number(text.split(' at ')[0]));
  assert.deepEqual(
    registered,
    Array.from({ length: 17 }, (_, index) => index),
  );
  // 8 a second: 16 behind the first one take 2 s.
  assert.equal(time.nowMs, 2_000);
});

test('both ways to register share one quota, and a rate of the caller counts in place of the table', async () => {
  const shared = open();
  await shared.rates.call('RegisterCertificate', async () => {});
  await shared.rates.call('RegisterCertificateWithoutCA', async () => {});
  assert.equal(shared.time.nowMs, 125);
  const own = open({ rates: { RegisterCertificate: 2 } });
  await own.rates.call('RegisterCertificate', async () => {});
  await own.rates.call('RegisterCertificate', async () => {});
  assert.equal(own.time.nowMs, 500);
  const free = open({ isUnlimited: true });
  for (let call = 0; call < 100; call += 1) await free.rates.call('RegisterCertificate', async () => {});
  assert.deepEqual(free.waits, []);
});

test('what passes by itself is tried again, ever later; anything else is not', async () => {
  const { rates, waits, counted } = open({ isUnlimited: true });
  let calls = 0;
  const value = await rates.call('CreateThing', async () => {
    calls += 1;
    if (calls === 1) throw named('ThrottlingException', 400);
    if (calls === 2) throw named('ServiceUnavailableException', 503);
    return 'made';
  });
  assert.equal(value, 'made');
  assert.deepEqual(waits, [1_000, 1_500]);
  assert.deepEqual(counted, ['CreateThing throttled', 'CreateThing failed', 'CreateThing ok']);
  await assert.rejects(
    rates.call('CreateThing', async () => {
      throw named('InvalidRequestException', 400);
    }),
    { kind: 'invalid', operation: 'CreateThing', retryable: false },
  );
  assert.equal(counted.length, 4);
  let endless = 0;
  await assert.rejects(
    rates.call('CreateThing', async () => {
      endless += 1;
      throw named('ThrottlingException', 400);
    }),
    { kind: 'throttled' },
  );
  assert.equal(endless, 5);
});

test('a failure is known by its name, then by its status, then by its socket', () => {
  const cases = [
    [named('ResourceAlreadyExistsException', 409), 'already-exists'],
    [named('CertificateStateException', 406), 'conflict'],
    [named('LimitExceededException', 410), 'limit-exceeded'],
    [named('ExpiredTokenException', 403), 'unauthorized'],
    [named('CredentialsProviderError'), 'unauthorized'],
    [named('TooManyRequestsException', 429), 'throttled'],
    [named('SomethingNew', 429), 'throttled'],
    [named('SomethingNew', 503), 'unavailable'],
    [named('SomethingNew', 403), 'unauthorized'],
    [named('SomethingNew', 400), 'unexpected'],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'unavailable'],
    [new Error('what'), 'unexpected'],
    ['text', 'unexpected'],
  ] as const;
  for (const [error, kind] of cases) assert.equal(toIotFailure('Call', error).kind, kind, String(error));
  const failure = new IotFailure('throttled', 'Call', { message: 'text' });
  assert.equal(toIotFailure('Other', failure), failure);
});
