import { BrokerLink } from './broker-link.ts';
import { serve } from './child-program.ts';
import { type DelaysByPhase, machineMs, PhasedDelays } from './delay-histogram.ts';
import { commandFilter, type Side, telemetryFilter } from './fleet-plan.ts';

/**
 * Carries commands and telemetry from either broker to the other one, at least once: a message is acknowledged to the one
 * when the other one has acknowledged it. No local keeps its own messages from coming back.
 */
export type MirrorApi = {
  /** `lagMs`: how long it keeps each message before it carries it. */
  start(question: { readonly ports: Readonly<Record<Side, number>>; readonly lagMs: number }): Promise<void>;
  phase(phase: string): void;
  /** Milliseconds from a message's arrival to the other broker's acknowledgement. */
  lag(question: null): { readonly delays: DelaysByPhase; readonly underWay: number };
};

const delays = new PhasedDelays();
const links: BrokerLink[] = [];

serve<MirrorApi>({
  async start({ ports, lagMs }) {
    const linkBySide: Record<Side, BrokerLink> = {
      legacy: openLink(ports.legacy, lagMs, () => linkBySide.target),
      target: openLink(ports.target, lagMs, () => linkBySide.legacy),
    };
    links.push(linkBySide.legacy, linkBySide.target);
    await Promise.all(links.map((link) => link.open()));
  },
  phase(phase) {
    delays.phase = phase;
  },
  lag: () => ({ delays: delays.summaries(), underWay: links.reduce((sum, link) => sum + link.unacknowledged, 0) }),
});

function openLink(port: number, lagMs: number, other: () => BrokerLink): BrokerLink {
  return new BrokerLink({
    port,
    clientId: 'mirror',
    filters: [commandFilter, telemetryFilter].map((filter) => ({ filter, noLocal: true })),
    onPublish: ({ topic, payload, tag }, acknowledge) => {
      const arrivedMs = machineMs();
      const carry = () =>
        other().publish({ topic, payload, ...(tag === undefined ? {} : { tag }) }, () => {
          delays.add(machineMs() - arrivedMs);
          acknowledge();
        });
      if (lagMs > 0) setTimeout(carry, lagMs);
      else carry();
    },
  });
}
