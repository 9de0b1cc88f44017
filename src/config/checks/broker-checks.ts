import { parseBrokerUrl } from '../broker-url.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { isLoopback } from './admin-checks.ts';

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
      ...checkRegistration(broker, root),
      ...checkVouching(broker, root.at('listeners').items),
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
  findings.push(...checkModeParts(identity, mode));
  const plain = endpointsOf(broker).find((url) => parseBrokerUrl(url.text ?? '')?.tls === false);
  if (plain !== undefined && (identity.has('cert') || mode.endsWith('-certificate'))) {
    findings.push(plain.unexpected('mqtts:// where a client certificate is presented'));
  }
  const open = endpointsOf(broker).find((url) => isInTheClear(url.text ?? ''));
  if (open !== undefined && mode === 'custom-authorizer') {
    findings.push(open.unexpected('mqtts:// where a token vouches for a device'));
  }
  return findings;
}

/** The gateway registers in the account that the aws section names. */
function checkRegistration(broker: Cursor, root: Cursor): readonly Finding[] {
  const register = broker.at('identity').at('register');
  if (register.text !== 'on-sight' || root.has('aws')) return [];
  return [register.finding('expected an aws section beside on-sight, got none')];
}

/** What belongs to one mode only: it must be there with that one, and nowhere else. */
function checkModeParts(identity: Cursor, mode: string): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [part, owner, needed] of modeParts) {
    if (mode === owner && needed !== undefined && !identity.has(part)) {
      findings.push(identity.finding(`expected ${part} (${needed}) for ${owner}, got nothing`));
    }
    if (mode !== owner && identity.has(part)) {
      findings.push(identity.at(part).finding(`expected ${part} only with ${owner}, got it with ${mode}`));
    }
  }
  if (mode !== 'device-certificate' && mode !== 'custom-authorizer' && identity.has('firstContact')) {
    const expected = 'expected firstContact only with device-certificate or custom-authorizer';
    findings.push(identity.at('firstContact').finding(`${expected}, got it with ${mode}`));
  }
  if (mode === 'device-certificate' && identity.has('cert')) {
    findings.push(identity.at('cert').finding('expected cert only where devices have none of their own, got it'));
  }
  return findings;
}

const modeParts = [
  ['ca', 'device-certificate', 'cert and key of the CA that mints'],
  ['certificates', 'device-certificate', undefined],
  ['register', 'device-certificate', undefined],
  ['authorizer', 'custom-authorizer', 'name and key of the authorizer'],
] as const;

function isInTheClear(url: string): boolean {
  const endpoint = parseBrokerUrl(url);
  return endpoint !== undefined && !endpoint.tls && !isLoopback(endpoint.host);
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
