import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CrossfadeError, errorMessage, systemErrorCode } from '../../src/base/errors.ts';

describe('CrossfadeError', () => {
  test('is internal and final unless told otherwise, and keeps its cause', () => {
    const plain = new CrossfadeError('some-code', 'It broke');
    assert.deepEqual(
      [plain.code, plain.source, plain.retryable, 'cause' in plain],
      ['some-code', 'internal', false, false],
    );
    const cause = new Error('below');
    const told = new CrossfadeError('other', 'It broke', { source: 'upstream', retryable: true, cause });
    assert.deepEqual([told.source, told.retryable, told.cause], ['upstream', true, cause]);
  });
});

test('errorMessage tells the message of whatever was thrown', () => {
  assert.deepEqual([new Error('a'), 'b', undefined, null].map(errorMessage), ['a', 'b', 'undefined', 'null']);
});

test('systemErrorCode is the code of a system error and nothing else', () => {
  const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
  assert.deepEqual([refused, new Error('x'), { code: 5 }, null, 'ECONNREFUSED'].map(systemErrorCode), [
    'ECONNREFUSED',
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
