import { parseBrokerUrl } from '../broker-url.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

/** The brokers' names, also of those that have mistakes; undefined when there is no such mapping. */
export function brokersOf(root: Cursor): readonly string[] | undefined {
  const brokers = root.at('brokers').entries;
  return brokers.length === 0 ? undefined : brokers.map(([name]) => name);
}

export function checkBrokerName(name: Cursor, brokers: readonly string[] | undefined): readonly Finding[] {
  if (name.text === undefined || brokers === undefined || brokers.includes(name.text)) return [];
  return [name.unexpected(`the name of a broker (${brokers.join(', ')})`)];
}

export function checkBrokers(root: Cursor): readonly Finding[] {
  const brokers = root.at('brokers');
  const none = brokers.isPresent && typeof brokers.value === 'object' && brokers.entries.length === 0;
  return [
    ...(none ? [brokers.finding('expected at least one broker, got none')] : []),
    ...brokers.entries.flatMap(([, broker]) => [
      ...checkEndpoints(broker),
      ...checkVersions(broker),
      ...checkUndeliverable(broker),
      ...checkIdentity(broker),
      ...checkVouching(broker, root.at('listeners').items),
      ...identityModesNotYetServed(broker),
    ]),
  ];
}

function checkEndpoints(broker: Cursor): readonly Finding[] {
  if (broker.has('url') && broker.has('urls')) return [broker.finding('expected url or urls, got both')];
  if (!broker.has('url') && !broker.has('urls') && typeof broker.value === 'object') {
    return [broker.finding('expected url or urls, got neither')];
  }
  const seen = new Set<string>();
  return broker.at('urls').items.flatMap((url) => {
    if (url.text === undefined || !seen.has(url.text)) {
      seen.add(url.text ?? '');
      return [];
    }
    return [url.unexpected('every endpoint once')];
  });
}

function checkVersions(broker: Cursor): readonly Finding[] {
  const versions = broker.at('versions').items;
  const isRepeated = (version: Cursor, index: number) =>
    versions.findIndex((earlier) => String(earlier.value) === String(version.value)) < index;
  return versions.filter(isRepeated).map((version) => version.unexpected('every version once'));
}

/** What is dropped though the device was told that it went well has to be written down somewhere. */
function checkUndeliverable(broker: Cursor): readonly Finding[] {
  const acknowledges = broker.at('undeliverable').text === 'acknowledge';
  const record = broker.at('undeliverableRecord');
  if (acknowledges && !broker.has('undeliverableRecord')) {
    return [
      broker.finding(
        'expected undeliverableRecord (a file for what is dropped) with undeliverable: acknowledge, got nothing',
      ),
    ];
  }
  if (!acknowledges && broker.has('undeliverableRecord')) {
    return [record.finding('expected undeliverableRecord only with undeliverable: acknowledge, got it without')];
  }
  return [];
}

/** Keys that a mode needs, keys that a mode cannot use, pairs that are halves. */
function checkIdentity(broker: Cursor): readonly Finding[] {
  const identity = broker.at('identity');
  const mode = identity.at('mode').text ?? 'forward';
  const findings: Finding[] = [];
  for (const [has, wants] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ] as const) {
    const isNeeded = mode === 'gateway-certificate' || identity.has(has);
    if (isNeeded && !identity.has(wants) && identity.value !== null) {
      const reason = identity.has(has) ? `beside ${has}` : `for ${mode}`;
      findings.push(identity.finding(`expected ${wants} ${reason}, got nothing`));
    }
  }
  if (mode === 'device-certificate' && !identity.has('ca')) {
    findings.push(
      identity.finding('expected ca (cert and key of the CA that mints) for device-certificate, got nothing'),
    );
  }
  if (identity.has('ca') && mode !== 'device-certificate') {
    findings.push(identity.at('ca').finding(`expected ca only with device-certificate, got it with ${mode}`));
  }
  const plain = endpointsOf(broker).find((url) => parseBrokerUrl(url.text ?? '')?.tls === false);
  if (plain !== undefined && (identity.has('cert') || mode.endsWith('-certificate'))) {
    findings.push(plain.unexpected('mqtts:// where a client certificate is presented'));
  }
  return findings;
}

export function endpointsOf(broker: Cursor): readonly Cursor[] {
  return broker.has('url') ? [broker.at('url')] : broker.at('urls').items;
}

const vouchingModes = ['gateway-certificate', 'device-certificate', 'custom-authorizer'];

/** These modes vouch for a device, so it must have shown a verified certificate (contract section 2). */
function checkVouching(broker: Cursor, listeners: readonly Cursor[]): readonly Finding[] {
  const identity = broker.at('identity');
  const mode = identity.at('mode');
  if (mode.text === undefined || !vouchingModes.includes(mode.text)) return [];
  if (identity.at('vouchUnverified').value === true) return [];
  const open = listeners
    .filter((listener) => !requiresCertificate(listener))
    .map((listener) => listener.at('name').shown);
  if (open.length === 0) return [];
  return [
    mode.finding(
      `expected every listener to have clientCertificates: required where ${mode.shown} vouches for its devices, ` +
        `or vouchUnverified: true spelled out here; got other listeners: ${open.join(', ')}`,
    ),
  ];
}

function requiresCertificate(listener: Cursor): boolean {
  const tls = listener.at('tls');
  return tls.isPresent && (tls.at('clientCertificates').text ?? 'required') === 'required';
}

/** Modes that the schema knows and no gateway of this version can present. Delete this when they are built. */
function identityModesNotYetServed(broker: Cursor): readonly Finding[] {
  const mode = broker.at('identity', 'mode');
  if (mode.text !== 'device-certificate' && mode.text !== 'custom-authorizer') return [];
  return [
    mode.unexpected(
      'forward or gateway-certificate (device-certificate and custom-authorizer come in a later version)',
    ),
  ];
}
