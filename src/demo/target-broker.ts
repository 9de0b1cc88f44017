import { type AwsIotEmulator, startAwsIotEmulator } from '../emulator/aws-iot-emulator.ts';
import { activationFunction, createDemoActivation } from './demo-activation.ts';
import type { DemoBroker, DemoBrokerEvents } from './demo-broker.ts';

/** Topics of the lifecycle events that say who came, subscribed, unsubscribed or went; the client ID follows. */
const lifecycleTopic = /^\$aws\/events\/(?:presence|subscriptions)\/[a-z_]+\/(.+)$/;

/** The emulator of AWS IoT Core as the demo's target: an account without anything, until it is set up. */
export class TargetBroker implements DemoBroker {
  readonly #emulator: AwsIotEmulator;
  readonly #known = new Set<string>();

  private constructor(emulator: AwsIotEmulator, { onClients, onArrival }: DemoBrokerEvents) {
    this.#emulator = emulator;
    emulator.dataPlane.onAccepted(({ topic, payload, qos, clientId }) => {
      const [, subject] = lifecycleTopic.exec(topic) ?? [];
      if (clientId !== undefined) onArrival({ clientId, topic, payload, qos });
      if (subject === undefined) return;
      this.#known.add(subject);
      onClients(subject);
    });
  }

  static async start(events: DemoBrokerEvents): Promise<TargetBroker> {
    const activation = createDemoActivation();
    const emulator = await startAwsIotEmulator({
      account: { functions: new Map([[activationFunction, activation.handler]]) },
    });
    activation.open(emulator.control);
    return new TargetBroker(emulator, events);
  }

  get port(): number {
    return this.#emulator.mqtts;
  }

  /** The URL of its control plane. */
  get control(): string {
    return this.#emulator.control;
  }

  /** The name that its clients show in SNI. */
  get serverName(): string {
    return this.#emulator.account.endpoints.data;
  }

  /** PEM of what its clients have to trust. */
  get caPem(): string {
    return this.#emulator.caPem;
  }

  get servedCount(): number {
    return [...this.#known].filter((clientId) => this.serves(clientId)).length;
  }

  serves(clientId: string): boolean {
    return (this.#emulator.broker.live(clientId)?.client.session.subscriptions.size ?? 0) > 0;
  }

  publish(topic: string, text: string): void {
    this.#emulator.dataPlane.publish({ topic, payload: Buffer.from(text), qos: 1 });
  }

  stop(): Promise<void> {
    return this.#emulator.stop();
  }
}
