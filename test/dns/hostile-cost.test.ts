import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createServerCookies } from '../../src/dns/cookie.ts';
import { createResponder } from '../../src/dns/responder.ts';
import { createResponseRate } from '../../src/dns/response-rate.ts';
import { hostileMessages, longestMessage } from './hostile-messages.ts';
import { queryFor } from './query-bytes.ts';
import { createSmallSource } from './small-source.ts';

describe('a hostile message costs less than 200 µs', () => {
  const respond = createResponder({
    cookies: createServerCookies([Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3)]),
    rate: createResponseRate({ seed: 1 }),
    nsid: Buffer.alloc(128),
  });
  const source = createSmallSource();
  const asker = { address: Buffer.of(192, 0, 2, 1), transport: 'tcp' } as const;

  /** Milliseconds of the quickest of many: what the message itself costs, without what else the machine does. */
  function costMs(messageOf: (index: number) => Buffer): number {
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < 300; index += 1) {
      const message = messageOf(index);
      const beganMs = performance.now();
      respond(message, asker, 1_700_000_000_000, source);
      least = Math.min(least, performance.now() - beganMs);
    }
    return least;
  }

  for (const [what, message] of Object.entries(hostileMessages)) {
    test(what, () => {
      assert.ok(message.length <= longestMessage);
      const spentMs = costMs(() => message);
      assert.ok(spentMs < 0.2, `${spentMs} ms`);
    });
  }

  test('names that nobody has asked for before', () => {
    const spentMs = costMs((index) => queryFor(`${index}.${'a.'.repeat(100)}example.com.`, 1, { flags: 0x8000 }));
    assert.ok(spentMs < 0.2, `${spentMs} ms`);
  });
});
