// Mutated messages for a time: node --expose-gc test/dns/explore-messages.ts SECONDS [SEED]; 5 000 000 take about a minute.
import { createExploration } from './answer-judgement.ts';

const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const batch = 100_000;
/** What the heap may differ by, with all caches full. */
const growthBytes = 16 * 1_048_576;

const explore = createExploration();
const endMs = performance.now() + seconds * 1_000;
let asked = 0;
let seed = firstSeed;
let heapAtFirst: number | undefined;
do {
  const problem = explore(seed, batch);
  if (problem !== undefined) fail(`seed ${seed}: ${problem}`);
  asked += batch;
  seed += 1;
  heapAtFirst ??= heapUsed();
} while (performance.now() < endMs);
const grown = heapUsed() - heapAtFirst;
if (grown > growthBytes) fail(`the heap grew by ${grown} bytes`);
console.log(`${asked} messages from seed ${firstSeed}, no problem; the heap differs by ${grown} bytes`);

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}
