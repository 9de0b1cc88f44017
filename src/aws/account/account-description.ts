/**
 * What an AWS account has to have for a fleet: the configuration's `aws` section with its files read and its defaults
 * filled in. Certificates and keys are PEM texts.
 */
export interface AccountDescription {
  /** The value of the tag that everything made for this fleet carries: its domain. */
  readonly fleet: string;
  /** What the names of this fleet's resources begin with. */
  readonly prefix: string;
  readonly authorities: readonly AuthorityDescription[];
  readonly policies: readonly PolicyDescription[];
  readonly thingType?: ThingTypeDescription;
  readonly authorizers: readonly AuthorizerDescription[];
  readonly domain?: DomainDescription;
  readonly safetyNet?: SafetyNetDescription;
  readonly logging?: LoggingDescription;
}

export type CertificateMode = 'DEFAULT' | 'SNI_ONLY';

/** A CA whose certificates the account accepts: the devices' own, or the one that the gateway mints with. */
export interface AuthorityDescription {
  readonly name: string;
  readonly certificate: string;
  readonly mode: CertificateMode;
  readonly isActive: boolean;
  /** DEFAULT mode proves that the CA's key is ours: by the key itself, or by a certificate that it signed. */
  readonly proof?: { readonly key: string } | { readonly verificationCertificate: string };
  readonly registration: RegistrationDescription;
}

/** What happens to a certificate that connects for the first time. */
export type RegistrationDescription =
  | { readonly by: 'nobody' }
  /** JITR: a rule calls the function, which activates the certificate. */
  | { readonly by: 'function'; readonly ruleName: string; readonly functionArn: string }
  /** JITP: AWS fills in the template. */
  | { readonly by: 'template'; readonly roleArn: string; readonly templateBody: string };

export interface PolicyDescription {
  readonly name: string;
  /** JSON. */
  readonly document: string;
}

export interface ThingTypeDescription {
  readonly name: string;
  readonly description?: string;
  readonly searchableAttributes: readonly string[];
  readonly propagatingAttributes: readonly PropagatingAttribute[];
}

/** What AWS adds to each message of a thing as an MQTT 5 user property. */
export interface PropagatingAttribute {
  readonly userPropertyKey: string;
  readonly thingAttribute?: string;
  readonly connectionAttribute?: 'iot:ClientId' | 'iot:Thing.ThingName';
}

export interface AuthorizerDescription {
  readonly name: string;
  readonly functionArn: string;
  /** Absent: tokens are not signed, the function judges alone. */
  readonly signing?: { readonly tokenKeyName: string; readonly publicKeys: Readonly<Record<string, string>> };
  readonly isActive: boolean;
}

export interface DomainDescription {
  readonly name: string;
  readonly domainName: string;
  readonly serverCertificateArn: string;
  readonly validationCertificateArn?: string;
  readonly tlsPolicy: string;
  readonly authenticationType: AuthenticationType;
  readonly applicationProtocol: ApplicationProtocol;
  readonly authorizer?: { readonly name: string; readonly allowOverride: boolean };
  /** The function that judges client certificates before AWS lets them in. */
  readonly clientCertificateCallbackArn?: string;
  /** OCSP stapling for the server certificate. */
  readonly ocspStapling?: { readonly lambdaArn?: string; readonly responderArn?: string };
}

export type AuthenticationType = 'DEFAULT' | 'AWS_X509' | 'CUSTOM_AUTH' | 'CUSTOM_AUTH_X509' | 'AWS_SIGV4';
export type ApplicationProtocol = 'DEFAULT' | 'SECURE_MQTT' | 'MQTT_WSS' | 'HTTPS';

/** A rule that keeps every message in S3 while the backends move. */
export interface SafetyNetDescription {
  readonly name: string;
  readonly filter: string;
  readonly bucket: string;
  readonly key: string;
  readonly roleArn: string;
  readonly isEnabled: boolean;
  readonly errors: { readonly logGroup: string; readonly roleArn: string };
}

export interface LoggingDescription {
  readonly roleArn: string;
  readonly level: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'DISABLED';
}
