import { join } from 'node:path';
import { matrixFile, matrixFolder, matrixOrigins } from '../../dns/knot-matrix.ts';

/** What both servers serve, by origin: the zones of the names' matrix, and one of sets too large for a datagram. */
export const comparedFiles: Readonly<Record<string, string>> = {
  ...Object.fromEntries(matrixOrigins.map((origin) => [origin, join(matrixFolder, matrixFile(origin))])),
  'sizes.test': join(import.meta.dirname, 'zones', 'sizes.test.zone'),
};
