import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { errorMessage } from '../../base/errors.ts';
import type { Result } from '../../base/result.ts';
import { failure, success } from '../../base/result.ts';
import { authorityFaults } from '../../tls/certificate-signer.ts';
import { tokenKeyFault } from '../../tls/token-key.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { fileBounds } from '../file-bounds.ts';

/** Reads a file that the configuration names, relative to it; the error says why not. */
export interface NamedFiles {
  text(path: string, maxBytes: number): Result<string>;
  isReadable(path: string, maxBytes: number): Result<unknown>;
}

/** Every file that is named must be there, be readable and be what it is named for. CRLs only warn: `crlStale` decides. */
export function checkFiles(root: Cursor, files: NamedFiles): readonly Finding[] {
  const listenerTls = root.at('listeners').items.map((listener) => listener.at('tls'));
  const brokers = root.at('brokers').entries.map(([, broker]) => broker);
  const pairs = [
    ...listenerTls.flatMap((tls) => tls.at('certificates').items),
    ...brokers.flatMap((broker) => [broker.at('identity'), broker.at('identity', 'ca')]),
    root.at('admin', 'tls'),
    ...root.at('bridge', 'connections').entries.map(([, connection]) => connection.at('certificate')),
  ];
  const cas = [
    ...listenerTls.flatMap((tls) => tls.at('trustedCas').items),
    ...brokers.map((broker) => broker.at('tls', 'ca')),
  ];
  const includes = root.at('plan', 'cohorts').items.map((cohort) => cohort.at('match', 'clientIdsFile'));
  const zones = root.at('nameserver', 'zones').items.map((zone) => zone.at('file'));
  return [
    ...pairs.flatMap((pair) => checkPair(pair, files)),
    ...brokers.flatMap((broker) => checkMinting(broker.at('identity', 'ca', 'cert'), files)),
    ...brokers.flatMap((broker) => checkTokenKey(broker.at('identity', 'authorizer', 'key'), files)),
    ...cas.flatMap((ca) => findingOf(ca, read(ca, files, parseCertificates))),
    ...includes.flatMap((file) => checkReadable(file, files, fileBounds.includeBytes)),
    ...zones.flatMap((file) => checkReadable(file, files, fileBounds.zoneBytes)),
  ];
}

/** The first certificate of PEM text; every certificate in it must parse. */
export function parseCertificates(pem: string): Result<X509Certificate> {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      return failure(`certificate ${index + 1} of ${blocks.length} in it does not parse`);
    }
  }
  const [first] = certificates;
  return first === undefined ? failure('it has no BEGIN CERTIFICATE block') : success(first);
}

export function parseKey(pem: string): Result<KeyObject> {
  if (/ENCRYPTED/.test(pem)) return failure('it is encrypted, and there is no passphrase to give');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return failure('it has no BEGIN PRIVATE KEY block');
  try {
    return success(createPrivateKey(pem));
  } catch (error) {
    // OpenSSL's reasons name structures, never key bytes.
    return failure(`it does not parse (${errorMessage(error)})`);
  }
}

function checkPair(pair: Cursor, files: NamedFiles): readonly Finding[] {
  const cert = pair.at('cert');
  const key = pair.at('key');
  const certificate = read(cert, files, parseCertificates);
  const privateKey = read(key, files, parseKey);
  const findings = [...findingOf(cert, certificate), ...findingOf(key, privateKey, 'a private key in PEM')];
  if (certificate?.ok && privateKey?.ok && !certificate.value.checkPrivateKey(privateKey.value)) {
    findings.push(key.unexpected(`the private key of the certificate in ${cert.shown}`));
  }
  return findings;
}

function checkMinting(cert: Cursor, files: NamedFiles): readonly Finding[] {
  const certificate = read(cert, files, parseCertificates);
  if (certificate?.ok !== true) return [];
  return authorityFaults(certificate.value).map((fault) => cert.finding(fault));
}

function checkTokenKey(key: Cursor, files: NamedFiles): readonly Finding[] {
  const privateKey = read(key, files, parseKey);
  const fault = privateKey?.ok === true ? tokenKeyFault(privateKey.value) : undefined;
  return [...findingOf(key, privateKey, 'a private key in PEM'), ...(fault === undefined ? [] : [key.finding(fault)])];
}

/** undefined where no path is written. */
function read<Value>(
  file: Cursor,
  files: NamedFiles,
  parse: (pem: string) => Result<Value>,
): Result<Value> | undefined {
  if (file.text === undefined || file.text === '') return undefined;
  const text = files.text(file.text, fileBounds.pemBytes);
  return text.ok ? parse(text.value) : text;
}

function findingOf(file: Cursor, result: Result<unknown> | undefined, what = 'certificates in PEM'): Finding[] {
  if (result === undefined || result.ok) return [];
  return [file.finding(`expected a readable file with ${what}, got ${file.shown}: ${result.error}`)];
}

function checkReadable(file: Cursor, files: NamedFiles, maxBytes: number): readonly Finding[] {
  if (file.text === undefined || file.text === '') return [];
  const content = files.isReadable(file.text, maxBytes);
  return content.ok ? [] : [file.finding(`expected a readable file, got ${file.shown}: ${content.error}`)];
}
