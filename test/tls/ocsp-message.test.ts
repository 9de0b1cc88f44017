import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { DerError } from '../../src/tls/der-reader.ts';
import { encodeOcspRequest, readOcspResponse } from '../../src/tls/ocsp-message.ts';

interface Exchanges {
  readonly ca: string;
  readonly good: string;
  readonly revoked: string;
  readonly requests: Readonly<Record<'good' | 'revoked', string>>;
  readonly responses: Readonly<Record<string, string>>;
}

const golden = join(import.meta.dirname, 'golden/ocsp-exchanges.json');
const exchanges = JSON.parse(readFileSync(golden, 'utf8')) as Exchanges;
const issuer = new X509Certificate(exchanges.ca);
const good = { certificate: new X509Certificate(exchanges.good), issuer };
const revoked = { certificate: new X509Certificate(exchanges.revoked), issuer };
const madeMs = Date.UTC(2026, 10, 23, 19, 45, 21);
const endMs = madeMs + 7 * 86_400_000;

function response(name: string): Buffer {
  const text = exchanges.responses[name];
  assert.ok(text !== undefined, name);
  return Buffer.from(text, 'base64');
}

test('a request is the one that OpenSSL makes, also where the serial number begins with a sign octet', () => {
  assert.equal(encodeOcspRequest(good).toString('base64'), exchanges.requests.good);
  assert.equal(encodeOcspRequest(revoked).toString('base64'), exchanges.requests.revoked);
});

test('the word of the CA, and of a responder that it certified for that, counts', () => {
  const verdict = (status: string) => ({ status, nextUpdateMs: endMs });
  assert.deepEqual(readOcspResponse(response('good-by-ca'), good, madeMs + 60_000), verdict('good'));
  assert.deepEqual(readOcspResponse(response('good-by-responder'), good, madeMs + 60_000), verdict('good'));
  assert.deepEqual(readOcspResponse(response('revoked-by-responder'), revoked, madeMs + 60_000), verdict('revoked'));
  assert.deepEqual(readOcspResponse(response('unknown-by-ca'), good, madeMs + 60_000), verdict('unknown'));
});

test('no other word counts', () => {
  const nowMs = madeMs + 60_000;
  const cases: readonly (readonly [string, () => unknown])[] = [
    ['signed by a client certificate of the CA', () => readOcspResponse(response('good-by-impostor'), good, nowMs)],
    ['about another certificate', () => readOcspResponse(response('good-by-ca'), revoked, nowMs)],
    ['past its next update', () => readOcspResponse(response('good-by-ca'), good, endMs + 301_000)],
    ['of the future', () => readOcspResponse(response('good-by-ca'), good, madeMs - 301_000)],
    ['no success', () => readOcspResponse(Buffer.from('30030a0106', 'hex'), good, nowMs)],
    ['nothing', () => readOcspResponse(Buffer.alloc(0), good, nowMs)],
    ['text', () => readOcspResponse(Buffer.from('<html>'), good, nowMs)],
  ];
  for (const [name, read] of cases) assert.throws(read, DerError, name);
});

test('a response whose octets were changed says nothing', () => {
  const genuine = response('good-by-responder');
  fc.assert(
    fc.property(fc.nat(genuine.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(genuine);
      changed[at] = (changed[at] ?? 0) ^ change;
      try {
        // What is not signed may change: then the verdict is the same.
        assert.equal(readOcspResponse(changed, good, madeMs + 60_000).status, 'good');
      } catch (error) {
        assert.ok(error instanceof DerError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
