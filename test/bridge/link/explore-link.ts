import { randomOf } from '../../mqtt/mutation.ts';
import { anyRing, ringViolation } from './bridge-schedule.ts';
import { anySetting, linkViolation } from './link-schedule.ts';

/**
 * `node test/bridge/link/explore-link.ts SECONDS [SEED] [STEPS] [link|ring]`: plays schedules, one a seed, and shows the first
 * that breaks an invariant.
 */
const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
const steps = Number(process.argv[4] ?? 400);
const only = process.argv[5];
const startMs = performance.now();
let seed = firstSeed;
for (; performance.now() - startMs < seconds * 1_000; seed += 1) {
  const violations = [
    ['link', only === 'ring' ? undefined : playLink(seed)],
    ['ring', only === 'link' ? undefined : playRing(seed)],
  ].filter(([, violation]) => violation !== undefined);
  if (violations.length === 0) continue;
  console.log(`seed ${seed}: ${violations.map((violation) => violation.join(' ')).join(', ')}`);
  process.exitCode = 1;
  break;
}
console.log(`${seed - firstSeed} schedules from seed ${firstSeed}`);

function playLink(seed: number): string | undefined {
  const random = randomOf(seed);
  return linkViolation(anySetting(random), random, steps);
}

function playRing(seed: number): string | undefined {
  const random = randomOf(seed);
  return ringViolation(anyRing(random), random, steps);
}
