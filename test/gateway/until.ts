import assert from 'node:assert/strict';

/** Waits turn by turn for what no event announces to a test. */
export async function until(check: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = Date.now() + 8_000;
  while (!check()) {
    assert.ok(Date.now() < deadline, `${what} did not come true`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
