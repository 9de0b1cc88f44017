import { failure, type Result, success } from '../base/result.ts';
import type { ListenerTlsMaterial } from '../tls/listener-tls.ts';
import type {
  BrokerConfiguration,
  CertificateFiles,
  Configuration,
  ListenerTlsConfiguration,
} from './configuration.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';

/** PEM texts that a broker's leg needs; absent where the configuration names no file. */
export interface BrokerTlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The CA that mints the devices' certificates. */
  readonly mintingCa?: { readonly cert: string; readonly key: string };
  /** What signs the tokens of its custom authorizer. */
  readonly tokenKey?: string;
}

/** The content of every certificate, key and CRL file; plain data. Keyed by name; plain listeners are absent. */
export interface TlsMaterial {
  readonly listeners: Readonly<Record<string, ListenerTlsMaterial>>;
  readonly brokers: Readonly<Record<string, BrokerTlsMaterial>>;
  readonly admin?: { readonly cert: string; readonly key: string };
  /** What the bridge presents at a broker, where it is not the broker's own pair. */
  readonly bridge: Readonly<Record<string, { readonly cert: string; readonly key: string }>>;
}

/**
 * Reads what the configuration names, at start and at every reload. A file that cannot be read fails the whole (keep
 * what you have); a CRL that cannot be read is there without content, because `crlStale` decides about it.
 */
export function readTlsMaterial(
  configuration: Configuration,
  source: ConfigurationSource,
): Result<TlsMaterial, readonly string[]> {
  const mistakes: string[] = [];
  const read = (path: string): string => {
    const text = readText(source, path, fileBounds.pemBytes);
    if (text.ok) return text.value;
    mistakes.push(`expected a readable file, got ${path}: ${text.error}`);
    return '';
  };
  const { tls: adminTls } = configuration.admin;
  const material: TlsMaterial = {
    listeners: Object.fromEntries(
      configuration.listeners.flatMap(({ name, tls }) =>
        tls === undefined ? [] : [[name, readListener(tls, read, source)] as const],
      ),
    ),
    brokers: Object.fromEntries(
      Object.entries(configuration.brokers).map(([name, broker]) => [name, readBroker(broker, read)]),
    ),
    bridge: Object.fromEntries(
      Object.entries(configuration.bridge.connections).flatMap(([name, { certificate }]) =>
        certificate === undefined ? [] : [[name, readPair(certificate, read)] as const],
      ),
    ),
    ...(adminTls === undefined ? {} : { admin: readPair(adminTls, read) }),
  };
  return mistakes.length === 0 ? success(material) : failure(mistakes);
}

type Read = (path: string) => string;

function readListener(tls: ListenerTlsConfiguration, read: Read, source: ConfigurationSource): ListenerTlsMaterial {
  return {
    certificates: tls.certificates.map((files) => readPair(files, read)),
    trustedCas: tls.trustedCas.map(read),
    crls: tls.crls.map((file) => {
      const content = source.readFile(file, fileBounds.crlBytes);
      return content.ok ? { file, content: content.value } : { file };
    }),
  };
}

function readBroker({ tls, identity }: BrokerConfiguration, read: Read): BrokerTlsMaterial {
  return {
    ...(tls.ca === undefined ? {} : { ca: read(tls.ca) }),
    ...(identity.cert === undefined ? {} : { cert: read(identity.cert) }),
    ...(identity.key === undefined ? {} : { key: read(identity.key) }),
    ...(identity.ca === undefined ? {} : { mintingCa: readPair(identity.ca, read) }),
    ...(identity.authorizer === undefined ? {} : { tokenKey: read(identity.authorizer.key) }),
  };
}

function readPair({ cert, key }: CertificateFiles, read: Read): { cert: string; key: string } {
  return { cert: read(cert), key: read(key) };
}
