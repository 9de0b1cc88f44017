import { listNameAttributes } from '../../tls/distinguished-name.ts';
import type { ThingRecord } from '../account/account.ts';
import type { CertificateFacts } from '../account/certificate-facts.ts';
import type { PolicyVariables } from '../account/policy-pattern.ts';
import { attributeOf } from '../account/things.ts';
import { readAlternativeNames } from './alternative-names.ts';

/** What a policy's variables and condition keys are read from. */
export interface ConnectionFacts {
  readonly clientId: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly serverName: string | undefined;
  readonly certificate: CertificateFacts | undefined;
  /** Looked up when asked: it may be attached while the connection lives. */
  readonly thing: () => ThingRecord | undefined;
  /** Only at CONNECT. */
  readonly connectAttributes?: readonly string[];
}

export function connectionVariables(facts: ConnectionFacts): PolicyVariables {
  const { certificate } = facts;
  let read: PolicyVariables | undefined;
  const ofCertificate: PolicyVariables = (name) => {
    if (certificate === undefined) return undefined;
    read ??= certificateVariables(certificate);
    return read(name);
  };
  return (name) => {
    switch (name) {
      case 'iot:ClientId':
        return facts.clientId;
      case 'aws:SourceIp':
        return facts.sourceAddress?.replace(/^::ffff:/, '');
      case 'iot:DomainName':
        return facts.serverName;
      case 'iot:ConnectAttributes':
        return facts.connectAttributes;
      default:
        return name.startsWith(thingPrefix)
          ? thingVariable(name.slice(thingPrefix.length), facts)
          : ofCertificate(name);
    }
  };
}

const thingPrefix = 'iot:Connection.Thing.';

function thingVariable(name: string, { thing: find }: ConnectionFacts): string | undefined {
  const thing = find();
  if (name === 'IsAttached') return String(thing !== undefined);
  if (name === 'ThingName') return thing?.name;
  if (name === 'ThingTypeName') return thing?.typeName;
  const attribute = /^Attributes\[([^\]]+)\]$/.exec(name)?.[1];
  return attribute === undefined || thing === undefined ? undefined : attributeOf(thing, attribute);
}

/** The DER of attribute types, as policies name them. */
const attributeTypes: Readonly<Record<string, string>> = {
  Country: '550406',
  Organization: '55040a',
  OrganizationalUnit: '55040b',
  DistinguishedNameQualifier: '55042e',
  State: '550408',
  CommonName: '550403',
  SerialNumber: '550405',
  Title: '55040c',
  Surname: '550404',
  GivenName: '55042a',
  Initials: '55042b',
  Pseudonym: '550441',
  GenerationQualifier: '55042c',
};
/** Of an attribute with more values the service reads so many. */
const readValues = 5;

/** `NAME`, its nth value as `NAME.n`, all of them as `NAME.List`. */
function certificateVariables({ structure, x509 }: CertificateFacts): PolicyVariables {
  const valuesByName = new Map<string, readonly string[]>();
  for (const [part, name] of [
    ['Subject', structure.subject],
    ['Issuer', structure.issuer],
  ] as const) {
    const attributes = listNameAttributes(name);
    for (const [attribute, type] of Object.entries(attributeTypes)) {
      const values = attributes.filter((one) => one.type === type).map(({ value }) => value);
      valuesByName.set(`iot:Certificate.${part}.${attribute}`, values);
    }
  }
  const names = readAlternativeNames(structure);
  for (const [kind, values] of Object.entries({
    ...{ RFC822Name: names.rfc822Names, DNSName: names.dnsNames, DirectoryName: names.directoryNames },
    ...{ UniformResourceIdentifier: names.uris, IPAddress: names.ipAddresses },
  })) {
    valuesByName.set(`iot:Certificate.Subject.AlternativeName.${kind}`, values);
  }
  valuesByName.set('iot:Certificate.SerialNumber', [x509.serialNumber.toLowerCase()]);
  const available = [...valuesByName].filter(([, values]) => values.length > 0).map(([name]) => name);
  return (name) => {
    if (name === 'iot:Certificate.AvailableKeys') return available;
    const [, base = '', suffix] = /^(.*?)(?:\.(List|\d+))?$/.exec(name) ?? [];
    const values = valuesByName.get(base)?.slice(0, readValues);
    if (suffix === 'List') return values;
    return values?.[Number(suffix ?? 0)];
  };
}
