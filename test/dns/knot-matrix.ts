import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMasterFile, renderMistake } from '../../src/dns/master-file.ts';
import { parseName } from '../../src/dns/wire-name.ts';
import { createZone, type Zone, type ZoneSource } from '../../src/dns/zone.ts';

/** The zones that Knot and we serve when answers are compared, by their origin. */
export const matrixOrigins = ['example.test', 'other.test', 'child.example.test'] as const;

export const matrixFolder = join(import.meta.dirname, 'zones');

export function matrixFile(origin: string): string {
  return `${origin}.zone`;
}

/** `NAME TYPE`, each asked of both; names without a dot at the end are relative to example.test. */
export const matrixQuestions: readonly string[] = [
  // The apex, and every type at it.
  ...types(
    '@',
    'SOA NS A AAAA MX TXT CAA HTTPS ANY CNAME DS DNSKEY SRV NSEC RRSIG NSEC3PARAM CDS TYPE65280 SVCB HINFO',
  ),
  // Plain names: data, NODATA, in capitals, escaped.
  ...types('ns1', 'A AAAA MX TXT ANY NS SOA'),
  ...types('web', 'A AAAA TXT CNAME'),
  ...types('many', 'A AAAA'),
  ...types('upper', 'A'),
  ...types('UPPER', 'A'),
  ...types('MaIl', 'A AAAA MX'),
  ...types('esc\\.aped', 'A AAAA'),
  ...types('esc.aped', 'A'),
  ...types('nothere', 'A AAAA MX SOA NS DS ANY TXT'),
  ...types('x.y.z.nothere', 'A'),
  ...types('below.web', 'A'),
  // Types of every kind.
  ...types('ptr', 'PTR A'),
  ...types('hinfo', 'HINFO'),
  ...types('naptr', 'NAPTR'),
  ...types('sshfp', 'SSHFP'),
  ...types('_8883._tcp.web', 'TLSA A'),
  ...types('_tcp.web', 'A TLSA'),
  ...types('unknown', 'TYPE65280 A ANY'),
  // Aliases: chains, out of the zone, into nothing, into a delegation, in circles.
  ...types('www', 'A AAAA CNAME MX ANY TXT NS DS SOA NSEC RRSIG'),
  ...types('alias2', 'A AAAA MX CNAME'),
  ...types('aliasout', 'A CNAME'),
  ...types('aliasother', 'A'),
  ...types('aliasnx', 'A CNAME MX'),
  ...types('aliasnodata', 'A TXT'),
  ...types('aliasdel', 'A DS NS'),
  ...types('aliaswild', 'A TXT SRV'),
  ...types('loop1', 'A CNAME'),
  ...types('selfloop', 'A CNAME'),
  // Empty non-terminals.
  ...types('ent', 'A ANY NS DS'),
  ...types('b.ent', 'A TXT'),
  ...types('a.b.ent', 'A AAAA'),
  ...types('c.b.ent', 'A'),
  ...types('_tcp', 'SRV A'),
  // What points to names: additional addresses.
  ...types('_mqtt._tcp', 'SRV A'),
  ...types('_null._tcp', 'SRV'),
  ...types('svc', 'HTTPS A'),
  ...types('svc2', 'HTTPS'),
  ...types('svcb', 'SVCB'),
  ...types('mxwild', 'MX'),
  ...types('mxalias', 'MX'),
  ...types('mxself', 'MX A'),
  ...types('srvwild', 'SRV'),
  // Wildcards.
  ...types('foo.wild', 'A TXT MX AAAA CNAME ANY DS'),
  ...types('a.b.c.wild', 'A TXT AAAA'),
  ...types('*.wild', 'A AAAA TXT'),
  ...types('wild', 'A TXT'),
  ...types('exact.wild', 'A TXT MX'),
  ...types('below.exact.wild', 'A'),
  ...types('ent2.wild', 'A TXT'),
  ...types('ent.ent2.wild', 'A TXT'),
  ...types('other.ent2.wild', 'A TXT'),
  ...types('x.*.wild', 'A'),
  ...types('foo.cwild', 'A AAAA TXT CNAME NSEC RRSIG'),
  ...types('foo.cnx', 'A CNAME'),
  ...types('x.cloop', 'A CNAME'),
  ...types('y.cloop', 'A'),
  // Delegations with glue below, beside and none; their DS; what is occluded.
  ...types('sub', 'NS A DS SOA ANY CNAME'),
  ...types('host.sub', 'A MX DS NS ANY'),
  ...types('ns.sub', 'A AAAA TXT'),
  ...types('x.ns.sub', 'A'),
  ...types('sub2', 'NS A DS'),
  ...types('ns.sub2', 'A'),
  ...types('deep.sub2', 'A'),
  ...types('ext', 'NS DS A'),
  ...types('a.b.c.ext', 'A'),
  // A child that is served too: its names, and its DS at the parent.
  ...types('child', 'SOA NS A DS'),
  ...types('www.child', 'A AAAA DS'),
  ...types('ns.child', 'A'),
  ...types('nothere.child', 'A DS'),
  // DNAME.
  ...types('dn', 'DNAME A CNAME ANY'),
  ...types('a.dn', 'A AAAA CNAME DNAME ANY'),
  ...types('nothere.dn', 'A'),
  ...types('c.dn', 'A'),
  ...types('x.w.dn', 'A'),
  ...types('a.b.dn', 'A'),
  ...types('x.dnout', 'A'),
  ...types(`${'x'.repeat(60)}.dnlong`, 'A'),
  ...types(`${'x'.repeat(40)}.${'y'.repeat(40)}.dnlong`, 'A TXT'),
  // The other zone, and none of ours.
  ...types('other.test.', 'SOA NS A MX'),
  ...types('www.other.test.', 'A'),
  ...types('back.other.test.', 'A'),
  ...types('nothere.other.test.', 'A'),
  ...types('test.', 'SOA NS DS'),
  ...types('.', 'NS SOA A'),
  ...types('elsewhere.invalid.', 'A ANY'),
  ...types('notexample.test.', 'A'),
];

/**
 * Where we answer otherwise than Knot, and why. A row that is listed here and does not differ fails the comparison too.
 */
export const explainedDifferences: Readonly<Record<string, string>> = {
  'x.cloop A': 'Knot repeats the CNAME of a wildcard that leads to itself; one says the same',
};

/** The full name and type of a row. */
export function matrixQuestion(row: string): { readonly name: string; readonly type: string } {
  const [label = '', type = ''] = row.split(' ');
  if (label === '@') return { name: 'example.test.', type };
  return { name: label.endsWith('.') ? label : `${label}.example.test.`, type };
}

/** The zones as we read them. */
export function matrixZones(): readonly Zone[] {
  return matrixOrigins.map((origin) => {
    const zone = createZone(matrixRecords(origin));
    if (!zone.ok) throw new Error(zone.error.map(renderMistake).join('\n'));
    return zone.value.zone;
  });
}

/** What the file of a zone says. */
export function matrixRecords(origin: string): Pick<ZoneSource, 'origin' | 'records'> {
  const name = parseName(origin);
  const file = matrixFile(origin);
  if (!name.ok) throw new Error(name.error);
  const text = readFileSync(join(matrixFolder, file), 'utf8');
  const records = parseMasterFile({ file, text, origin: name.value });
  if (!records.ok) throw new Error(records.error.map(renderMistake).join('\n'));
  return { origin: name.value, records: records.value };
}

function types(label: string, list: string): readonly string[] {
  return list.split(' ').map((type) => `${label} ${type}`);
}
