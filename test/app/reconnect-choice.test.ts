import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseReconnects } from '../../src/app/reconnect-choice.ts';
import type { MisplacedSession } from '../../src/gateway/live-session.ts';

function session(connection: number, options: Partial<MisplacedSession> = {}): MisplacedSession {
  return {
    connection,
    clientId: `meter-${connection}`,
    persistent: false,
    returnsHome: false,
    position: connection,
    isClosing: false,
    ...options,
  };
}

describe('chooseReconnects', () => {
  const question = { limit: 2, order: 'first-first', pending: 0 } as const;

  it('takes the lowest positions first in a cutover, the highest first in a rollback', () => {
    const sessions = [session(30), session(10), session(20)];
    assert.deepEqual(chooseReconnects(sessions, question).connections, [10, 20]);
    assert.deepEqual(chooseReconnects(sessions, { ...question, order: 'last-first' }).connections, [30, 20]);
  });

  it('leaves sessions that return home and says why', () => {
    const sessions = [session(1, { persistent: true, returnsHome: true }), session(2, { persistent: true })];
    const { connections, reply } = chooseReconnects(sessions, { ...question, limit: 0 });
    assert.deepEqual(connections, []);
    assert.equal(reply.remaining, 1);
    assert.equal(reply.staying.length, 1);
    assert.equal(reply.staying[0]?.clientId, 'meter-1');
  });

  it('leaves sessions that the target cannot carry and says why', () => {
    const { connections, reply } = chooseReconnects([session(1, { heldBack: 'payload-size' })], question);
    assert.deepEqual(connections, []);
    assert.equal(reply.remaining, 0);
    assert.deepEqual(reply.staying, [{ clientId: 'meter-1', reason: 'the target cannot carry it: payload-size' }]);
  });

  it('moves a persistent session that its device begins anew', () => {
    assert.deepEqual(chooseReconnects([session(7, { persistent: true })], question).connections, [7]);
  });

  it('still counts sessions that are closing and connections that may attach where they no longer belong', () => {
    const { connections, reply } = chooseReconnects([session(1, { isClosing: true })], { ...question, pending: 3 });
    assert.deepEqual(connections, []);
    assert.equal(reply.remaining, 4);
  });
});
