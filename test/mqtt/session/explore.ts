import { randomOf } from '../mutation.ts';
import { anySchedule, shrinkSchedule, violationOf } from './schedule.ts';

/** `node test/mqtt/session/explore.ts SECONDS [SEED]`: plays schedules, one a seed, and shows the first that breaks an invariant. */
const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
const startMs = performance.now();
let seed = firstSeed;
for (; performance.now() - startMs < seconds * 1_000; seed += 1) {
  const { setting, moves } = anySchedule(randomOf(seed));
  const violation = violationOf(setting, moves);
  if (violation === undefined) continue;
  const shortest = shrinkSchedule(setting, moves);
  console.log(`seed ${seed}: ${violation}`);
  console.log(`playSchedule(${setting}, [${shortest.join(', ')}]): ${violationOf(setting, shortest)}`);
  process.exitCode = 1;
  break;
}
const played = seed - firstSeed;
const perMinute = (played / (performance.now() - startMs)) * 60_000;
console.log(`${played} schedules from seed ${firstSeed}, ${Math.round(perMinute)} a minute`);
