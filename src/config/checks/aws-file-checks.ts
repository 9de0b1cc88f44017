import { createPublicKey, type X509Certificate } from 'node:crypto';
import { policyDocumentFault } from '../../aws/account/policy-document.ts';
import { provisioningTemplateFault } from '../../aws/account/provisioning-template.ts';
import { failure, type Result, success } from '../../base/result.ts';
import { type AwsConfiguration, authoritiesOf, type PlacedAuthority } from '../aws-configuration.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { fileBounds } from '../file-bounds.ts';
import { type NamedFiles, parseCertificates, parseKey } from './file-checks.ts';

/** Every file that the section names must be readable and be what it is named for. */
export function checkAwsFiles(root: Cursor, aws: AwsConfiguration, files: NamedFiles): readonly Finding[] {
  const documents = aws.policies.map((_, index) => root.at('aws', 'policies', index, 'document'));
  const keys = aws.authorizers.flatMap((_, index) =>
    root.at('aws', 'authorizers', index, 'publicKeys').entries.map(([, key]) => key),
  );
  return [
    ...checkAuthorities(root, authoritiesOf(aws), files),
    ...documents.flatMap((document) => checkFile(document, files, faultAs(policyDocumentFault))),
    ...keys.flatMap((key) => checkFile(key, files, parseTokenKey)),
  ];
}

function checkAuthorities(
  root: Cursor,
  authorities: readonly PlacedAuthority[],
  files: NamedFiles,
): readonly Finding[] {
  const pathByCertificate = new Map<string, string>();
  return authorities.flatMap(({ path, name }) => {
    const at = root.at(...path);
    const certificate = readFile(at.at('cert'), files, parseCertificates);
    const template = at.at('jitp', 'template');
    const findings = [
      ...findingsOf(at.at('cert'), certificate),
      ...checkFile(template, files, faultAs(provisioningTemplateFault)),
    ];
    if (certificate?.ok !== true) return findings;
    const { value } = certificate;
    const other = pathByCertificate.get(value.fingerprint256);
    if (other !== undefined)
      findings.push(at.at('cert').finding(`expected each CA once, got the one of ${other} again`));
    pathByCertificate.set(value.fingerprint256, name);
    return [...findings, ...checkAuthority(at, value, files)];
  });
}

function checkAuthority(at: Cursor, certificate: X509Certificate, files: NamedFiles): readonly Finding[] {
  const cert = at.at('cert');
  const isAuthority = certificate.ca ? [] : [cert.unexpected('a CA certificate (basic constraints)')];
  const key = readFile(at.at('key'), files, parseKey);
  const isAnother = key?.ok === true && !certificate.checkPrivateKey(key.value);
  const proof = readFile(at.at('verificationCertificate'), files, parseCertificates);
  const isOfAnother = proof?.ok === true && !proof.value.verify(certificate.publicKey);
  return [
    ...isAuthority,
    ...findingsOf(at.at('key'), key),
    ...(isAnother ? [at.at('key').unexpected(`the private key of the certificate in ${cert.shown}`)] : []),
    ...findingsOf(at.at('verificationCertificate'), proof),
    ...(isOfAnother ? [at.at('verificationCertificate').unexpected(`a certificate signed by ${cert.shown}`)] : []),
  ];
}

/** Bits of an RSA key that AWS IoT Core verifies tokens with, at least. */
const leastTokenKeyBits = 2_048;

function parseTokenKey(pem: string): Result<unknown> {
  if (/PRIVATE KEY/.test(pem)) return failure('it is a private key, which must not leave the gateways');
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem);
    if (asymmetricKeyType !== 'rsa') return failure(`it is no RSA key but one of type ${asymmetricKeyType}`);
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    return bits >= leastTokenKeyBits ? success(bits) : failure(`it has ${bits} bits, fewer than ${leastTokenKeyBits}`);
  } catch {
    return failure('it is no public key in PEM');
  }
}

function faultAs(fault: (text: string) => string | undefined): (text: string) => Result<unknown> {
  return (text) => {
    const found = fault(text);
    return found === undefined ? success(text) : failure(found);
  };
}

function checkFile(file: Cursor, files: NamedFiles, parse: (text: string) => Result<unknown>): readonly Finding[] {
  return findingsOf(file, readFile(file, files, parse));
}

/** undefined where no path is written. */
function readFile<Value>(
  file: Cursor,
  files: NamedFiles,
  parse: (text: string) => Result<Value>,
): Result<Value> | undefined {
  if (file.text === undefined || file.text === '') return undefined;
  const text = files.text(file.text, fileBounds.pemBytes);
  return text.ok ? parse(text.value) : text;
}

function findingsOf(file: Cursor, result: Result<unknown> | undefined): readonly Finding[] {
  if (result === undefined || result.ok) return [];
  return [file.finding(`expected a file that can be used, got ${file.shown}: ${result.error}`)];
}
