import { BrokerTap, type Timeline } from './broker-tap.ts';
import { FaultWorld, type FaultWorldOptions } from './fault-world.ts';

/** A world with a tap in front of either broker. */
export async function startTappedWorld(
  timeline: Timeline,
  options: FaultWorldOptions = {},
): Promise<AsyncDisposable & { readonly world: FaultWorld }> {
  await using held = new AsyncDisposableStack();
  const world = held.use(
    await FaultWorld.start({
      ...options,
      urls: async (brokers) => {
        const legacy = held.use(await BrokerTap.start('legacy', brokers.legacy.port, timeline));
        const target = held.use(await BrokerTap.start('target', brokers.target.port, timeline));
        return { legacy: legacy.url, target: target.url };
      },
    }),
  );
  const kept = held.move();
  return { world, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
