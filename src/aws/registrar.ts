import { hash, X509Certificate } from 'node:crypto';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { DeviceRegistry } from './device-registry.ts';
import { type EquipmentTerms, equipCertificate } from './equip-certificate.ts';
import { IotFailure, isIotFailure } from './iot-failure.ts';
import { type ThingIdentity, thingOf } from './thing-name.ts';

/** What became of a device's registration at AWS IoT Core. */
export type RegistrationOutcome =
  /** `already`: the account knew the certificate, and all that belongs to it is there now. */
  | { readonly outcome: 'registered' | 'already'; readonly certificateId: string; readonly thingName: string }
  | { readonly outcome: 'refused'; readonly reason: RegistrationRefusal; readonly message: string }
  /** Nothing is wrong with the device: the quota, AWS itself or the queue has no room. Repeating finishes what was begun. */
  | { readonly outcome: 'throttled'; readonly retryAfterMs: number; readonly message: string };

/** Why a device is not registered; the same call again is refused again, until somebody changes something. */
export type RegistrationRefusal =
  /** AWS does not take the certificate: a weak key or signature, a CA that is not registered, no certificate at all. */
  | 'certificate'
  /** It is registered and not active: somebody took its rights. */
  | 'deactivated'
  /** It belongs to another device's thing, or its CA's name to several CAs. */
  | 'conflict'
  /** The policy or the thing type is not there. */
  | 'missing-resource'
  /** The caller's own credentials do not allow it; so it will be for every device. */
  | 'unauthorized'
  | 'limit-exceeded'
  | 'unexpected';

export interface RegistrarTerms extends EquipmentTerms {
  /** `none`: register without a CA (the devices must send SNI); else the registered CA, with its PEM where it is known. */
  readonly authority: 'none' | { readonly pem?: string };
}

export interface RegistrarOptions {
  readonly terms: RegistrarTerms;
  /** Registrations under way and waiting, at most; what comes beyond is `throttled`. */
  readonly pending: number;
  /** Registrations under way at the same time, at most. */
  readonly concurrency: number;
  /** Called once for each registration that ends. */
  readonly onOutcome?: (outcome: RegistrationOutcome['outcome']) => void;
}

/** A device's certificate, PEM, the leaf first, and what a new thing of it is to say beside its name. */
export interface DeviceRegistration {
  readonly certificate: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Milliseconds after which a caller that found no room may ask again. */
const retryAfterMs = 5_000;

/**
 * Registers certificates with thing, exclusive association and policy, by API, in any order and as often as asked. The
 * rates are the registry's business; here is the bound on what waits for them.
 */
export class Registrar {
  readonly #registry: DeviceRegistry;
  readonly #options: RegistrarOptions;
  /** By certificate ID, so that two callers for one device register once. */
  readonly #pending = new Map<string, Promise<RegistrationOutcome>>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(registry: DeviceRegistry, options: RegistrarOptions) {
    this.#registry = registry;
    this.#options = options;
  }

  /** Never rejects. */
  async register(device: DeviceRegistration): Promise<RegistrationOutcome> {
    const outcome = await this.#register(device);
    this.#options.onOutcome?.(outcome.outcome);
    return outcome;
  }

  async #register({ certificate, attributes = {} }: DeviceRegistration): Promise<RegistrationOutcome> {
    const parsed = parseDevice(certificate);
    if (!parsed.ok) return refused('certificate', parsed.error);
    const { certificateId, thing } = parsed.value;
    const kept = this.#pending.get(certificateId);
    if (kept !== undefined) return kept;
    if (this.#pending.size >= this.#options.pending) {
      return { outcome: 'throttled', retryAfterMs, message: `${this.#pending.size} registrations are pending already` };
    }
    const registered = this.#inTurn(() =>
      this.#registerParsed({
        ...parsed.value,
        thing: { ...thing, attributes: { ...thing.attributes, ...attributes } },
      }),
    );
    this.#pending.set(certificateId, registered);
    return registered.finally(() => this.#pending.delete(certificateId));
  }

  async #inTurn(work: () => Promise<RegistrationOutcome>): Promise<RegistrationOutcome> {
    if (this.#underWay >= this.#options.concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#underWay += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }

  async #registerParsed({ certificateId, pem, thing }: ParsedDevice): Promise<RegistrationOutcome> {
    const { terms } = this.#options;
    const done = (outcome: 'registered' | 'already') => ({ outcome, certificateId, thingName: thing.thingName });
    try {
      const arn = await this.#registerNew(pem);
      if (arn !== undefined) {
        await equipCertificate(this.#registry, { arn, thing }, terms);
        return done('registered');
      }
      const known = await this.#registry.describeCertificate(certificateId);
      if (known === undefined) return refused('conflict', 'the certificate is registered in another account');
      const { status } = known;
      if (status !== 'ACTIVE' && status !== 'PENDING_ACTIVATION') {
        return refused('deactivated', `the certificate ${certificateId} is ${status}`);
      }
      await equipCertificate(this.#registry, { arn: known.arn, thing }, terms);
      if (status === 'ACTIVE') return done('already');
      await this.#registry.setCertificateStatus(certificateId, 'ACTIVE');
      return done('registered');
    } catch (error) {
      return toOutcome(error);
    }
  }

  /** The ARN; undefined: the account, or another one, knows the certificate. */
  async #registerNew(pem: string): Promise<string | undefined> {
    try {
      return await this.#registry.registerCertificate({ pem, authority: this.#options.terms.authority });
    } catch (error) {
      if (isIotFailure(error, 'already-exists')) return undefined;
      throw error;
    }
  }
}

interface ParsedDevice {
  readonly certificateId: string;
  /** Of the leaf alone. */
  readonly pem: string;
  readonly thing: ThingIdentity;
}

function parseDevice(pem: string): Result<ParsedDevice> {
  try {
    const leaf = new X509Certificate(pem);
    return success({ certificateId: hash('sha256', leaf.raw), pem: leaf.toString(), thing: thingOf(leaf) });
  } catch (error) {
    return failure(`expected the PEM of a certificate: ${errorMessage(error)}`);
  }
}

function refused(reason: RegistrationRefusal, message: string): RegistrationOutcome {
  return { outcome: 'refused', reason, message };
}

/** Which failures pass by themselves, and what the others say of the device. */
function toOutcome(error: unknown): RegistrationOutcome {
  if (!(error instanceof IotFailure)) return refused('unexpected', errorMessage(error));
  const { kind, message, operation } = error;
  switch (kind) {
    case 'throttled':
    case 'unavailable':
      return { outcome: 'throttled', retryAfterMs, message };
    case 'unauthorized':
    case 'conflict':
    case 'limit-exceeded':
      return refused(kind, message);
    case 'not-found':
      return refused('missing-resource', message);
    case 'invalid':
      return refused(operation.startsWith('RegisterCertificate') ? 'certificate' : 'unexpected', message);
    case 'already-exists':
    case 'unsupported':
    case 'unexpected':
      return refused('unexpected', message);
  }
}
