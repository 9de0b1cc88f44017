import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DeliveryLedger, type Qos } from '../../src/demo/delivery-ledger.ts';

const none = { 0: 0, 1: 0, 2: 0 };

function message(sequence: number, qos: Qos, device = 'a') {
  return { device, sequence, qos };
}

describe('DeliveryLedger', () => {
  test('a message that was acknowledged and arrived, in either order, leaves nothing open', () => {
    const ledger = new DeliveryLedger();
    for (const sequence of [1, 2]) ledger.recordSent(message(sequence, 1));
    ledger.recordAcknowledged(message(1, 1));
    ledger.recordArrived(message(1, 1));
    ledger.recordArrived(message(2, 1));
    assert.equal(ledger.isSettled, false);
    ledger.recordAcknowledged(message(2, 1));
    assert.equal(ledger.isSettled, true);
    assert.deepEqual(ledger.tally(), {
      sent: { ...none, 1: 2 },
      acknowledged: { ...none, 1: 2 },
      arrived: { ...none, 1: 2 },
      duplicates: none,
      lost: none,
      unacknowledged: 0,
      strangers: 0,
    });
  });

  test('acknowledged and at no broker is lost; not acknowledged is not', () => {
    const ledger = new DeliveryLedger();
    ledger.recordSent(message(1, 1));
    ledger.recordSent(message(2, 2));
    ledger.recordAcknowledged(message(2, 2));
    const { lost, unacknowledged } = ledger.tally();
    assert.deepEqual([lost, unacknowledged], [{ ...none, 2: 1 }, 1]);
  });

  test('a late arrival of what seemed lost makes it good', () => {
    const ledger = new DeliveryLedger();
    ledger.recordSent(message(1, 2));
    ledger.recordAcknowledged(message(1, 2));
    ledger.recordArrived(message(1, 2));
    assert.deepEqual(ledger.tally().lost, none);
  });

  test('QoS 0 that did not arrive is lost without any acknowledgement', () => {
    const ledger = new DeliveryLedger();
    ledger.recordSent(message(1, 0));
    assert.deepEqual(ledger.tally().lost, { ...none, 0: 1 });
  });

  test('further arrivals are duplicates, also of a message that is settled and forgotten', () => {
    const ledger = new DeliveryLedger();
    for (const sequence of [1, 2]) ledger.recordSent(message(sequence, 1));
    ledger.recordAcknowledged(message(1, 1));
    for (const sequence of [1, 1, 2, 2, 2]) ledger.recordArrived(message(sequence, 1));
    const { arrived, duplicates, strangers } = ledger.tally();
    assert.deepEqual([arrived[1], duplicates[1], strangers], [2, 3, 0]);
  });

  test('what no device sent is a stranger', () => {
    const ledger = new DeliveryLedger();
    ledger.recordSent(message(1, 1));
    ledger.recordArrived(message(2, 1));
    ledger.recordArrived(message(0, 1));
    ledger.recordArrived(message(1, 1, 'b'));
    assert.deepEqual([ledger.tally().strangers, ledger.tally().arrived], [3, none]);
  });

  test('remembers a bounded number of open messages and still counts those it gave up', () => {
    const ledger = new DeliveryLedger();
    for (let sequence = 1; sequence <= 2_000; sequence += 1) ledger.recordSent(message(sequence, 0));
    ledger.recordArrived(message(1, 0));
    assert.deepEqual([ledger.tally().lost[0], ledger.tally().duplicates[0]], [2_000, 1]);
  });

  test('agrees with plain sets, whatever is acknowledged and arrives', () => {
    const fate = fc.record({
      qos: fc.constantFrom<Qos>(0, 1, 2),
      acknowledged: fc.boolean(),
      arrivals: fc.nat({ max: 3 }),
      arrivesFirst: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 60 }), (fates) => {
        const ledger = new DeliveryLedger();
        fates.forEach(({ qos, acknowledged, arrivals, arrivesFirst }, index) => {
          const sent = message(index + 1, qos);
          ledger.recordSent(sent);
          const acknowledge = () => qos > 0 && acknowledged && ledger.recordAcknowledged(sent);
          if (!arrivesFirst) acknowledge();
          for (let arrival = 0; arrival < arrivals; arrival += 1) ledger.recordArrived(sent);
          if (arrivesFirst) acknowledge();
        });
        const tally = ledger.tally();
        for (const qos of [0, 1, 2] as const) {
          const ofQos = fates.filter((one) => one.qos === qos);
          assert.equal(tally.sent[qos], ofQos.length);
          assert.equal(tally.arrived[qos], ofQos.filter(({ arrivals }) => arrivals > 0).length);
          assert.equal(
            tally.duplicates[qos],
            ofQos.reduce((sum, { arrivals }) => sum + Math.max(0, arrivals - 1), 0),
          );
          assert.equal(
            tally.lost[qos],
            ofQos.filter(({ arrivals, acknowledged }) => arrivals === 0 && (qos === 0 || acknowledged)).length,
          );
        }
        assert.equal(tally.unacknowledged, fates.filter(({ qos, acknowledged }) => qos > 0 && !acknowledged).length);
      }),
    );
  });
});
