import { randomOf } from '../../mutation.ts';
import { anyLegsSchedule, legsViolation, shrinkLegs } from './legs-schedule.ts';

/** `node test/mqtt/session/legs/explore-legs.ts SECONDS [SEED]`: plays schedules, one a seed, and shows the first that breaks an invariant. */
const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
const startMs = performance.now();
let seed = firstSeed;
for (; performance.now() - startMs < seconds * 1_000; seed += 1) {
  const { setting, moves } = anyLegsSchedule(randomOf(seed));
  const violation = legsViolation(setting, moves);
  if (violation === undefined) continue;
  const shortest = shrinkLegs(setting, moves);
  console.log(`seed ${seed}: ${violation}`);
  console.log(`playLegs(${setting}, [${shortest.join(', ')}]): ${legsViolation(setting, shortest)}`);
  process.exitCode = 1;
  break;
}
const played = seed - firstSeed;
const perMinute = (played / (performance.now() - startMs)) * 60_000;
console.log(`${played} schedules from seed ${firstSeed}, ${Math.round(perMinute)} a minute`);
