import { randomBytes, randomUUID } from 'node:crypto';
import type { Identifiers } from './account.ts';

export const systemIdentifiers: Identifiers = {
  uuid: () => randomUUID(),
  hexadecimal: (octets) => randomBytes(octets).toString('hex'),
};
