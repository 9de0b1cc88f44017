import { z } from 'zod';
import { configurationSchema } from './schema/configuration-schema.ts';

/** The JSON Schema of the file as it is written, for editors; published as config/crossfade.schema.json. */
export function configurationJsonSchema(): string {
  const schema = z.toJSONSchema(configurationSchema, { io: 'input' });
  return `${JSON.stringify({ ...schema, title: 'Crossfade configuration' }, null, 2)}\n`;
}
