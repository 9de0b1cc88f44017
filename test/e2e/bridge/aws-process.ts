/** The AWS IoT emulator in a process of its own, so that it can be frozen. */
import { startAwsIotEmulator } from '../../../src/emulator/aws-iot-emulator.ts';
import { openGate } from '../../../src/emulator/open-gate.ts';
import { serve } from '../handover/child-program.ts';

export interface AwsApi {
  /** Gives the port that stands for 8883, and the PEM that clients verify it with. */
  start(): Promise<{ readonly port: number; readonly ca: string }>;
}

/**
 * Quotas that AWS raises on request: messages a second that the account queues for sessions without a connection. And
 * one that it does not, messages a second that a session gets of what was queued: at the documented 10, a second's
 * outage of the bridge would take seconds to come in, and nobody could say what was late by whose fault.
 */
const raised = { queuedPerSecond: 20_000, replayPerSecond: 1_000, bounds: { queuedMessages: 100_000 } };

serve<AwsApi>({
  async start() {
    const { mqtts, caPem } = await startAwsIotEmulator({ gate: openGate, ...raised });
    return { port: mqtts, ca: caPem };
  },
});
