import { writeFileSync } from 'node:fs';
import { configurationJsonSchema } from '../src/config/configuration-json-schema.ts';

// Writes config/crossfade.schema.json from src/config/schema/; a test fails when it is out of date.
writeFileSync(new URL('crossfade.schema.json', import.meta.url), configurationJsonSchema());
