import { hash, X509Certificate } from 'node:crypto';
import type {
  AttachedThing,
  CertificateStatus,
  DeviceRegistry,
  RegisteredCertificate,
  ThingRegistration,
} from '../../src/aws/device-registry.ts';
import { IotFailure, type IotFailureKind } from '../../src/aws/iot-failure.ts';

/** What a test does to a call: before it took effect, or after, when the caller does not learn of it. */
export interface CallFault {
  readonly when: 'before' | 'after';
  readonly error: Error;
}

/** An account in memory that refuses what AWS refuses; `fault` may break any call. */
export class FakeDeviceRegistry implements DeviceRegistry {
  readonly certificates = new Map<string, RegisteredCertificate & { status: CertificateStatus }>();
  readonly things = new Map<string, ThingRegistration>();
  /** By ARN. */
  readonly principals = new Map<string, AttachedThing[]>();
  readonly policies = new Map<string, Set<string>>();
  readonly knownPolicies = new Set(['devices']);
  readonly calls: string[] = [];
  fault: ((operation: string, call: number) => CallFault | undefined) | undefined;

  registerCertificate({ pem, authority }: Parameters<DeviceRegistry['registerCertificate']>[0]): Promise<string> {
    return this.#call(authority === 'none' ? 'RegisterCertificateWithoutCA' : 'RegisterCertificate', (operation) => {
      const certificateId = hash('sha256', new X509Certificate(pem).raw);
      if (this.certificates.has(certificateId)) throw refusal('already-exists', operation);
      this.add(pem, 'ACTIVE');
      return arnOf(certificateId);
    });
  }

  /** As if it had come by another way, JITR for one. */
  add(pem: string, status: CertificateStatus, caCertificateId?: string): string {
    const certificateId = hash('sha256', new X509Certificate(pem).raw);
    const ca = caCertificateId === undefined ? {} : { caCertificateId };
    this.certificates.set(certificateId, { certificateId, arn: arnOf(certificateId), status, pem, ...ca });
    return certificateId;
  }

  describeCertificate(certificateId: string): Promise<RegisteredCertificate | undefined> {
    return this.#call('DescribeCertificate', () => this.certificates.get(certificateId));
  }

  setCertificateStatus(certificateId: string, status: 'ACTIVE' | 'INACTIVE' | 'REVOKED'): Promise<void> {
    return this.#call('UpdateCertificate', (operation) => {
      const certificate = this.certificates.get(certificateId);
      if (certificate === undefined) throw refusal('not-found', operation);
      this.certificates.set(certificateId, { ...certificate, status });
    });
  }

  deleteCertificate(certificateId: string): Promise<void> {
    return this.#call('DeleteCertificate', (operation) => {
      const certificate = this.certificates.get(certificateId);
      if (certificate === undefined) return;
      const { arn, status } = certificate;
      const isBound = (this.principals.get(arn) ?? []).length > 0 || (this.policies.get(arn)?.size ?? 0) > 0;
      if (status === 'ACTIVE' || isBound) throw refusal('conflict', operation);
      this.certificates.delete(certificateId);
    });
  }

  createThing(thing: ThingRegistration): Promise<void> {
    return this.#call('CreateThing', (operation) => {
      const existing = this.things.get(thing.thingName);
      if (existing !== undefined && JSON.stringify(existing) !== JSON.stringify(thing)) {
        throw refusal('already-exists', operation);
      }
      this.things.set(thing.thingName, thing);
    });
  }

  attachThing(thingName: string, arn: string): Promise<void> {
    return this.#call('AttachThingPrincipal', (operation) => {
      if (!this.things.has(thingName)) throw refusal('not-found', operation);
      const attached = this.principals.get(arn) ?? [];
      if (attached.some((thing) => thing.thingName !== thingName || !thing.isExclusive)) {
        throw refusal('invalid', operation);
      }
      this.principals.set(arn, [{ thingName, isExclusive: true }]);
    });
  }

  detachThing(thingName: string, arn: string): Promise<void> {
    return this.#call('DetachThingPrincipal', () => {
      this.principals.set(
        arn,
        (this.principals.get(arn) ?? []).filter((thing) => thing.thingName !== thingName),
      );
    });
  }

  listThings(arn: string): Promise<readonly AttachedThing[]> {
    return this.#call('ListPrincipalThingsV2', () => this.principals.get(arn) ?? []);
  }

  attachPolicy(policyName: string, arn: string): Promise<void> {
    return this.#call('AttachPolicy', (operation) => {
      if (!this.knownPolicies.has(policyName)) throw refusal('not-found', operation);
      this.policies.set(arn, new Set([...(this.policies.get(arn) ?? []), policyName]));
    });
  }

  detachPolicy(policyName: string, arn: string): Promise<void> {
    return this.#call('DetachPolicy', () => {
      this.policies.get(arn)?.delete(policyName);
    });
  }

  listPolicies(arn: string): Promise<readonly string[]> {
    return this.#call('ListAttachedPolicies', () => [...(this.policies.get(arn) ?? [])]);
  }

  /** A device that can connect: status, thing and policies of a certificate. */
  state(certificateId: string) {
    const arn = arnOf(certificateId);
    return {
      status: this.certificates.get(certificateId)?.status,
      things: this.principals.get(arn) ?? [],
      policies: [...(this.policies.get(arn) ?? [])],
    };
  }

  async #call<Value>(operation: string, effect: (operation: string) => Value): Promise<Value> {
    this.calls.push(operation);
    const fault = this.fault?.(operation, this.calls.length);
    if (fault?.when === 'before') throw fault.error;
    try {
      return effect(operation);
    } finally {
      // The caller learns of no answer, a refusal included.
      // biome-ignore lint/correctness/noUnsafeFinally: that is what it is for
      if (fault !== undefined) throw fault.error;
    }
  }
}

export function arnOf(certificateId: string): string {
  return `arn:aws:iot:eu-west-1:123456789012:cert/${certificateId}`;
}

export function refusal(kind: IotFailureKind, operation = 'Call'): IotFailure {
  return new IotFailure(kind, operation, { message: `scripted ${kind}` });
}
