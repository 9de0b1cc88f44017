import { FirstContactWorld, meetTarget } from './first-contact-world.ts';

const fleet = Number(process.argv[2] ?? 1_000);
await using world = await FirstContactWorld.start();
process.stdout.write(`${await meetTarget(world, fleet)}\n`);
