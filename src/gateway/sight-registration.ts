import type { ContactedDevice, FirstContacts } from './first-contacts.ts';
import type { GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { RegistrationResult } from './registrar.ts';

type Ports = Pick<GatewayPorts, 'registrar' | 'upstream' | 'metrics'>;

/** Registers devices at brokers that are told of them by the gateway, behind a contact that was closed. */
export class SightRegistration {
  readonly #settings: Pick<GatewaySettings, 'brokers'>;
  readonly #ports: Ports;
  readonly #contacts: Pick<FirstContacts, 'noteRefused'>;

  constructor(settings: Pick<GatewaySettings, 'brokers'>, ports: Ports, contacts: Pick<FirstContacts, 'noteRefused'>) {
    this.#settings = settings;
    this.#ports = ports;
    this.#contacts = contacts;
  }

  isOnSight(broker: string): boolean {
    return this.#settings.brokers?.[broker]?.identity?.register === 'on-sight';
  }

  /** True: the broker knows the device now, as far as its API says, or will by itself. */
  async register(contacted: ContactedDevice): Promise<boolean> {
    const { broker } = contacted;
    if (!this.isOnSight(broker)) return true;
    const result = await this.#ask(contacted);
    this.#ports.metrics.registrations.inc({ broker, result });
    if (result === 'refused') this.#contacts.noteRefused(contacted);
    return result === 'registered' || result === 'already';
  }

  async #ask({ broker, device }: ContactedDevice): Promise<RegistrationResult> {
    const { registrar, upstream } = this.#ports;
    const key = device.identity?.key;
    const certificate = await upstream.certificateOf?.(broker, device).catch(() => undefined);
    if (registrar === undefined || certificate === undefined || key === undefined) return 'throttled';
    return registrar.register({ broker, certificate, device: key, clientId: device.identity?.clientId ?? '' });
  }
}
