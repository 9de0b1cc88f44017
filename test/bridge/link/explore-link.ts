import { randomOf } from '../../mqtt/mutation.ts';
import { anySetting, linkViolation } from './link-schedule.ts';

/** `node test/bridge/link/explore-link.ts SECONDS [SEED] [STEPS]`: plays schedules, one a seed, and shows the first that breaks an invariant. */
const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
const steps = Number(process.argv[4] ?? 400);
const startMs = performance.now();
let seed = firstSeed;
for (; performance.now() - startMs < seconds * 1_000; seed += 1) {
  const random = randomOf(seed);
  const setting = anySetting(random);
  const violation = linkViolation(setting, random, steps);
  if (violation === undefined) continue;
  console.log(`seed ${seed} ${JSON.stringify(setting)}: ${violation}`);
  process.exitCode = 1;
  break;
}
console.log(`${seed - firstSeed} schedules from seed ${firstSeed}`);
