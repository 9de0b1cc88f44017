import { openSqlitePlanStore } from '../../../src/plan/store/sqlite-plan-store.ts';
import { entryAt } from './plan-store-contract.ts';

/** A process that tries to make every revision up to the last itself, and tells which ones it made. */
const [path = '', last = ''] = process.argv.slice(2);
const opened = openSqlitePlanStore({ path, create: false, busyMs: 5_000 });
if (!opened.ok) throw new Error(opened.error.message);
const made: number[] = [];
for (let expected = 1; expected < Number(last); ) {
  const answer = await opened.value.compareAndSet(expected, entryAt(expected));
  if (answer.ok) made.push(answer.value.revision);
  else if (answer.error.kind !== 'conflict') throw new Error(answer.error.message);
  expected = answer.ok ? answer.value.revision : answer.error.kind === 'conflict' ? answer.error.latest : expected;
}
await opened.value.close();
process.send?.(made, () => process.disconnect?.());
