// Mutated messages for a time: node test/dns/explore-messages.ts SECONDS [SEED]; 5 000 000 take about a minute.
import { exploreMessages } from './answer-judgement.ts';

const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const batch = 100_000;
const endMs = performance.now() + seconds * 1_000;
let asked = 0;
for (let seed = firstSeed; performance.now() < endMs; seed += 1) {
  const problem = exploreMessages(seed, batch);
  if (problem !== undefined) {
    console.error(`seed ${seed}: ${problem}`);
    process.exit(1);
  }
  asked += batch;
}
const residentMb = Math.round(process.memoryUsage.rss() / 1_048_576);
console.log(`${asked} messages from seed ${firstSeed}, no problem; ${residentMb} MB resident`);
