import assert from 'node:assert/strict';

/** Waits turn by turn for what no event announces to a test. */
export async function until(check: () => boolean, what = 'the condition', withinMs = 8_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!check()) {
    assert.ok(Date.now() < deadline, `${what} did not come true`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
