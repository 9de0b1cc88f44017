import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fuzzPackets } from './packet-fuzz.ts';

/**
 * `node test/mqtt/fuzz-packets.ts [count] [seed]`: hands that many mutated packets to the decoders and reports what was
 * seen. Exit code 1 on a crash, a hang or growth.
 */

/** Bytes that a million inputs may leave behind: code, caches and tables, not packets. */
const maxGrowthBytes = 16 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 0x1_0000_0000));

try {
  const startMs = performance.now();
  const report = fuzzPackets({ seed, inputs, maxMs: Number.POSITIVE_INFINITY, collect });
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  console.log(JSON.stringify({ ...report, seconds }));
  if ((report.growthBytes ?? 0) > maxGrowthBytes) {
    console.error(`seed ${seed}: memory grew by ${report.growthBytes} bytes`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
