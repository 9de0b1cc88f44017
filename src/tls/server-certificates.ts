import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { readCertificateStructure } from './certificate-structure.ts';
import { readNameAttributes } from './distinguished-name.ts';
import type { ExpiringMaterial, ListenerTlsMaterial } from './listener-tls.ts';

/** A listener's own certificates, chosen by the name that the client asks for. */
export interface ServerCertificates {
  /** `undefined`: the default, for no, an unknown or the first certificate's name. */
  contextFor(servername: string): SecureContext | undefined;
  readonly expiring: readonly (ExpiringMaterial & { readonly notBefore: number })[];
}

/** Makes a context per certificate; throws `tls-material` when one cannot serve. */
export function loadServerCertificates(
  listener: string,
  certificates: ListenerTlsMaterial['certificates'],
  shared: SecureContextOptions,
): ServerCertificates {
  if (certificates.length === 0) {
    throw new CrossfadeError(
      'tls-material',
      `Listener ${listener}: expected at least one server certificate, got none`,
    );
  }
  const contexts = new Map<string, SecureContext | undefined>();
  const expiring = certificates.map(({ cert, key }, index) => {
    const { certificate, context } = loadOne(`Listener ${listener}, server certificate ${index + 1}`, {
      ...shared,
      ...{ cert, key },
    });
    const names = serverNames(certificate);
    for (const name of names) if (!contexts.has(name)) contexts.set(name, index === 0 ? undefined : context);
    const { notBefore, notAfter } = readCertificateStructure(certificate.raw);
    return { use: `${listener}/server/${names[0] ?? index + 1}`, expiresAt: notAfter, notBefore };
  });
  return { expiring, contextFor: (servername) => findContext(contexts, servername.toLowerCase()) };
}

/** The exact name, else the wildcard that stands for its first label (RFC 9525 §6.3). */
function findContext(
  contexts: ReadonlyMap<string, SecureContext | undefined>,
  name: string,
): SecureContext | undefined {
  if (contexts.has(name)) return contexts.get(name);
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : contexts.get(`*${name.slice(dot)}`);
}

function loadOne(
  what: string,
  options: SecureContextOptions & { readonly cert: string },
): { certificate: X509Certificate; context: SecureContext } {
  try {
    return { certificate: new X509Certificate(options.cert), context: createSecureContext(options) };
  } catch (error) {
    const message = `${what}: expected a PEM certificate and its private key: ${errorMessage(error)}`;
    throw new CrossfadeError('tls-material', message);
  }
}

/** Subject alternative DNS names, else the common names; lower case. */
function serverNames(certificate: X509Certificate): string[] {
  const alternatives = [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,"\s]+)/g)].map(([, name = '']) => name);
  const names =
    alternatives.length > 0
      ? alternatives
      : readNameAttributes(readCertificateStructure(certificate.raw).subject).commonNames;
  return names.map((name) => name.toLowerCase());
}
