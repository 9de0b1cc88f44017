/** States of a certificate at AWS IoT Core; only `ACTIVE` connects. */
export type CertificateStatus =
  | 'ACTIVE'
  | 'INACTIVE'
  | 'REVOKED'
  | 'PENDING_TRANSFER'
  | 'PENDING_ACTIVATION'
  | 'REGISTER_INACTIVE';

export interface RegisteredCertificate {
  /** Lower-case hexadecimal SHA-256 of the DER. */
  readonly certificateId: string;
  readonly arn: string;
  readonly status: CertificateStatus;
  readonly pem: string;
  /** The registered CA that it came by; absent: registered without one. */
  readonly caCertificateId?: string;
}

export interface CertificateRegistration {
  /** PEM of the leaf. */
  readonly pem: string;
  /** `none`: without a registered CA, so the device must send SNI; else the CA's PEM where the caller has it. */
  readonly authority: 'none' | { readonly pem?: string };
}

export interface ThingRegistration {
  readonly thingName: string;
  readonly thingTypeName?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * What of an account concerns one device: its certificates, its thing and their policy. Every method rejects with an
 * `IotFailure` and nothing else; what is named `attach` or `detach` succeeds where that is so already.
 */
export interface DeviceRegistry {
  /** Registers as ACTIVE; `already-exists` where the account knows this certificate. Gives its ARN. */
  registerCertificate(registration: CertificateRegistration): Promise<string>;
  describeCertificate(certificateId: string): Promise<RegisteredCertificate | undefined>;
  setCertificateStatus(certificateId: string, status: 'ACTIVE' | 'INACTIVE' | 'REVOKED'): Promise<void>;
  /** Succeeds where there is none. */
  deleteCertificate(certificateId: string): Promise<void>;
  /** `already-exists` where there is one with another type or other attributes. */
  createThing(thing: ThingRegistration): Promise<void>;
  attachThing(thingName: string, certificateArn: string): Promise<void>;
  detachThing(thingName: string, certificateArn: string): Promise<void>;
  listThings(certificateArn: string): Promise<readonly AttachedThing[]>;
  attachPolicy(policyName: string, certificateArn: string): Promise<void>;
  detachPolicy(policyName: string, certificateArn: string): Promise<void>;
  listPolicies(certificateArn: string): Promise<readonly string[]>;
}

export interface AttachedThing {
  readonly thingName: string;
  /** The connection is this thing's whatever the client ID (EXCLUSIVE_THING). */
  readonly isExclusive: boolean;
}
