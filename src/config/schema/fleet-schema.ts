import { z } from 'zod';
import { identityNames } from '../../plan/device-key.ts';
import { domainName, saltText } from './words.ts';

export const fleetSchema = z
  .strictObject({
    domain: domainName.describe('The DNS name that the devices use'),
    identity: z
      .array(z.enum(identityNames))
      .min(1)
      .describe('What a device is assigned by: the first of these that it presents'),
    salt: saltText.describe('Part of every hash; another salt is another assignment of the whole fleet'),
    clientIdPolicy: z
      .enum(['any', 'equals-common-name', 'prefixed-by-common-name'])
      .default('any')
      .describe('How a client ID must relate to the common name of the certificate'),
  })
  .describe('The devices: their domain and what they are told apart by');
