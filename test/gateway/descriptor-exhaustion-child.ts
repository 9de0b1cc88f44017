import { createGatewayWorld } from './gateway-world.ts';

// A gateway in a process of its own, so that a test can let it run out of descriptors and keep its own.
const world = await createGatewayWorld();
process.stdout.write(`${world.port}\n`);
process.stdin.resume().on('end', () => void world.stop());
