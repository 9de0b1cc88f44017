import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMasterFile, renderMistake } from '../../../src/dns/master-file.ts';
import { createZone, type Zone } from '../../../src/dns/zone.ts';
import { matrixFile, matrixFolder, matrixOrigins, matrixZones } from '../../dns/knot-matrix.ts';
import { nameOf } from '../../dns/query-bytes.ts';

const sizesFile = join(import.meta.dirname, 'zones', 'sizes.test.zone');

/** What both servers serve: the zones of the names' matrix, and one of sets too large for a datagram. */
export const comparedFiles: Readonly<Record<string, string>> = {
  ...Object.fromEntries(matrixOrigins.map((origin) => [origin, join(matrixFolder, matrixFile(origin))])),
  'sizes.test': sizesFile,
};

export function comparedZones(): readonly Zone[] {
  return [...matrixZones(), readZone('sizes.test', sizesFile)];
}

export function readZone(origin: string, file: string): Zone {
  const name = nameOf(`${origin}.`);
  const records = parseMasterFile({ file, text: readFileSync(file, 'utf8'), origin: name });
  if (!records.ok) throw new Error(records.error.map(renderMistake).join('\n'));
  const zone = createZone({ origin: name, records: records.value });
  if (!zone.ok) throw new Error(zone.error.map(renderMistake).join('\n'));
  return zone.value.zone;
}
