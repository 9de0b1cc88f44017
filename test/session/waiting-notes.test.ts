import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AssessmentNote } from '../../src/session/assessment-store.ts';
import { WaitingNotes } from '../../src/session/waiting-notes.ts';

function note(clientId: string, changes: Partial<AssessmentNote> = {}): AssessmentNote {
  return { clientId, cohort: 'everyone', target: 'aws', adaptations: 0, obstacles: [], ...changes };
}

const deep = { kind: 'topic-depth', example: 'a/b/c/d/e/f/g/h/i' } as const;

describe('WaitingNotes', () => {
  it('keeps one note a device, cohort and target, with everything that was seen', () => {
    const waiting = new WaitingNotes({ devices: 10, characters: 1_000 });
    waiting.add(note('a', { adaptations: 1 }), 1);
    waiting.add(note('a', { adaptations: 2, obstacles: [deep] }), 2);
    waiting.add(note('a', { cohort: 'halle-7' }), 3);
    const [first, second, ...others] = waiting.first(10);
    assert.equal(waiting.size, 1);
    assert.deepEqual([first?.adaptations, first?.atMs, first?.obstacles], [3, 2, [deep]]);
    assert.equal(second?.note.cohort, 'halle-7');
    assert.equal(others.length, 0);
    assert.equal(waiting.obstacleOf('a', 'aws'), 'topic-depth');
    assert.equal(waiting.obstacleOf('a', 'legacy'), undefined);
  });

  it('takes no further device at its bound, and one again when some have gone on', () => {
    const waiting = new WaitingNotes({ devices: 2, characters: 1_000 });
    assert.deepEqual(
      ['a', 'b', 'c', 'a'].map((clientId) => waiting.add(note(clientId), 1)),
      [true, true, false, true],
    );
    waiting.remove(waiting.first(1));
    assert.equal(waiting.add(note('c'), 2), true);
  });

  it('bounds the characters of names and examples, and gives them back', () => {
    const waiting = new WaitingNotes({ devices: 10, characters: 30 });
    assert.equal(waiting.add(note('a'.repeat(15)), 1), true);
    assert.equal(waiting.add(note('b'.repeat(15)), 1), false);
    assert.equal(waiting.add(note('a'.repeat(15), { obstacles: [deep] }), 1), false);
    waiting.remove(waiting.first(10));
    assert.equal(waiting.size, 0);
    assert.equal(waiting.add(note('b', { obstacles: [deep] }), 1), true);
  });
});
