import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createServerCookies } from '../../src/dns/cookie.ts';

function octets(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

function cookieOf(hex: string): Buffer {
  return octets(hex.replace(/\s/g, ''));
}

/** RFC 9018 appendix A. */
const learned = {
  secret: octets('e5e973e5a6b2a43f48e7dc849e37bfcf'),
  client: octets('2464c4abcf10c957'),
  address: Buffer.of(198, 51, 100, 100),
  at: 1559731985,
  cookie: cookieOf('2464c4abcf10c957 010000005cf79f111f8130c3eee29480'),
};
const elsewhere = Buffer.of(203, 0, 113, 203);
const six = {
  former: octets('dd3bdf9344b678b185a6f5cb60fca715'),
  current: octets('445536bcd2513298075a5d379663c962'),
  address: cookieOf('20010db8 0220 0001 59de d0f4 8769 82b8'),
  client: octets('22681ab97d52c298'),
  sent: cookieOf('22681ab97d52c298 010000005cf7c57926556bd0934c72f8'),
  sentAt: 1559741817,
  renewed: cookieOf('22681ab97d52c298 010000005cf7c609a6bb79d16625507a'),
  renewedAt: 1559741961,
};

function written(secret: Uint8Array, client: Uint8Array, address: Uint8Array, nowSeconds: number): Buffer {
  const into = Buffer.alloc(24);
  client.forEach((octet, index) => {
    into[index] = octet;
  });
  createServerCookies([secret]).write(into, 8, { message: client, at: 0 }, address, nowSeconds);
  return into;
}

describe('server cookies', () => {
  test('are those of RFC 9018 appendix A, IPv4 and IPv6', () => {
    assert.deepEqual(written(learned.secret, learned.client, learned.address, learned.at), learned.cookie);
    assert.deepEqual(written(six.current, six.client, six.address, six.renewedAt), six.renewed);
  });

  test('are taken when they were made with a former secret', () => {
    const cookies = createServerCookies([six.current, six.former]);
    assert.equal(cookies.judge(six.sent, 0, 24, six.address, six.renewedAt), 'valid');
    assert.equal(createServerCookies([six.current]).judge(six.sent, 0, 24, six.address, six.renewedAt), 'invalid');
  });

  test('hold for an hour, and five minutes ahead of the clock', () => {
    const cookies = createServerCookies([learned.secret]);
    const judge = (nowSeconds: number) => cookies.judge(learned.cookie, 0, 24, learned.address, nowSeconds);
    assert.equal(judge(learned.at), 'valid');
    assert.equal(judge(learned.at + 3_600), 'valid');
    assert.equal(judge(learned.at + 3_601), 'invalid');
    assert.equal(judge(learned.at - 300), 'valid');
    assert.equal(judge(learned.at - 301), 'invalid');
  });

  test('survive the day on which 32 bits of seconds run out', () => {
    const client = learned.client;
    const before = 2 ** 32 - 10;
    const cookie = written(learned.secret, client, learned.address, before);
    const cookies = createServerCookies([learned.secret]);
    assert.equal(cookies.judge(cookie, 0, 24, learned.address, 2 ** 32 + 10), 'valid');
    assert.equal(cookies.judge(cookie, 0, 24, learned.address, 2 ** 32 + 4_000), 'invalid');
  });

  test('belong to one address, one client cookie, one secret and one timestamp', () => {
    const cookies = createServerCookies([learned.secret]);
    assert.equal(cookies.judge(learned.cookie, 0, 24, elsewhere, learned.at), 'invalid');
    for (let index = 0; index < 24; index += 1) {
      const changed = Buffer.from(learned.cookie);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.equal(cookies.judge(changed, 0, 24, learned.address, learned.at), 'invalid', `octet ${index}`);
    }
  });

  test('have the lengths of RFC 7873 section 5.2.2', () => {
    const cookies = createServerCookies([learned.secret]);
    const state = (length: number) => cookies.judge(Buffer.alloc(64), 0, length, learned.address, learned.at);
    for (const length of [0, 7, 9, 15, 41, 64]) assert.equal(state(length), 'malformed', `${length}`);
    for (const length of [16, 23, 24, 25, 40]) assert.equal(state(length), 'invalid', `${length}`);
    assert.equal(state(8), 'client-only');
  });

  test('that were just written are valid, whatever was asked before', () => {
    const cookies = createServerCookies([learned.secret, six.former]);
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), address, fc.nat(), (client, from, nowSeconds) => {
        const cookie = Buffer.concat([client, Buffer.alloc(16)]);
        cookies.write(cookie, 8, { message: cookie, at: 0 }, from, nowSeconds);
        assert.equal(cookies.judge(cookie, 0, 24, from, nowSeconds), 'valid');
      }),
    );
  });
});
