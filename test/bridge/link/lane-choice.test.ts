import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectionsFor, isCrowded, keyHash, laneOfKey, lanesFor } from '../../../src/bridge/link/lane-choice.ts';
import { brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';

const hashes = Array.from({ length: 20_000 }, (_, index) => keyHash(`meter-${index}`));

describe('rendezvous', () => {
  test('B5: a key has one lane, and lanes have about as many keys', () => {
    for (const lanes of [2, 3, 7, 25]) {
      const counts = new Array<number>(lanes).fill(0);
      for (const hash of hashes) {
        const lane = laneOfKey(hash, lanes);
        assert.equal(laneOfKey(hash, lanes), lane);
        counts[lane] = (counts[lane] as number) + 1;
      }
      const expected = hashes.length / lanes;
      for (const count of counts) assert.ok(Math.abs(count - expected) < expected * 0.2, `${lanes} lanes: ${counts}`);
    }
  });

  test('a further lane takes its share, and moves no key between the others', () => {
    for (let lanes = 1; lanes < 12; lanes += 1) {
      let moved = 0;
      for (const hash of hashes) {
        const before = laneOfKey(hash, lanes);
        const after = laneOfKey(hash, lanes + 1);
        if (after === before) continue;
        assert.equal(after, lanes);
        moved += 1;
      }
      const expected = hashes.length / (lanes + 1);
      assert.ok(Math.abs(moved - expected) < expected * 0.2, `${moved} keys to lane ${lanes}`);
    }
  });
});

describe('connectionsFor', () => {
  const aws = brokerProfiles['aws-iot-core'];
  const quiet = { messagesPerSecond: 1, bytesPerSecond: 100, acknowledgementMs: 5 };

  test('is what the tightest bound asks for, with a fifth left for bursts', () => {
    assert.equal(connectionsFor(quiet, aws), 1);
    // The facts page's example: 2000 messages of 1 KB a second need 25.
    assert.equal(
      connectionsFor({ messagesPerSecond: 2_000, bytesPerSecond: 2_048_000, acknowledgementMs: 20 }, aws),
      25,
    );
    assert.equal(connectionsFor({ ...quiet, messagesPerSecond: 10, bytesPerSecond: 1_000_000 }, aws), 3);
    assert.equal(connectionsFor({ ...quiet, messagesPerSecond: 70, acknowledgementMs: 2_400 }, aws), 3);
  });

  test('a broker without bounds needs one', () => {
    const traffic = { messagesPerSecond: 50_000, bytesPerSecond: 1e9, acknowledgementMs: 0.1 };
    assert.equal(connectionsFor(traffic, brokerProfiles.mqtt), 1);
  });
});

test('a source leg is crowded above four fifths of what its broker delivers to a connection', () => {
  assert.deepEqual(
    [79, 81].map((rate) => isCrowded(rate, { publishesPerSecond: 100 })),
    [false, true],
  );
  assert.equal(isCrowded(1e9, { publishesPerSecond: Number.POSITIVE_INFINITY }), false);
});

describe('lanesFor', () => {
  const aws = brokerProfiles['aws-iot-core'];
  const steady = { messagesPerSecond: 300, bytesPerSecond: 30_000, acknowledgementMs: 20, behind: 0, behindBefore: 0 };

  test('is what the traffic needs where nothing stands in line', () => assert.equal(lanesFor(steady, 4, aws), 4));

  test('a line is to be gone in ten seconds', () => {
    assert.equal(lanesFor({ ...steady, behind: 1_000 }, 4, aws), 5);
    assert.equal(lanesFor({ ...steady, behind: 10_000 }, 9, aws), 17);
    assert.equal(lanesFor({ ...steady, messagesPerSecond: 0, bytesPerSecond: 0, behind: 2_000 }, 2, aws), 3);
    assert.equal(lanesFor({ ...steady, bytesPerSecond: 1_600_000, behind: 3_000 }, 4, aws), 8, 'its bytes too');
  });

  test('never more than twice as many: what comes at once behind an outage is no rate', () => {
    assert.equal(lanesFor({ ...steady, messagesPerSecond: 2_000 }, 1, aws), 2);
    assert.equal(lanesFor({ ...steady, messagesPerSecond: 2_000 }, 2, aws), 4);
    assert.equal(lanesFor(steady, 2, aws), 4);
  });

  test('a line that does not get shorter asks for one more, because keys do not divide equally', () => {
    assert.equal(lanesFor({ ...steady, behind: 600, behindBefore: 600 }, 5, aws), 6);
    assert.equal(lanesFor({ ...steady, behind: 100, behindBefore: 120 }, 5, aws), 4);
  });

  test('a broker without bounds is not faster for more lanes', () => {
    assert.equal(lanesFor({ ...steady, behind: 5_000, behindBefore: 4_000 }, 1, brokerProfiles.mqtt), 1);
  });
});
