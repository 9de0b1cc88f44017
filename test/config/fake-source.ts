import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { developmentPki } from '../../certs/development-pki.ts';
import { failure, success } from '../../src/base/result.ts';
import type { ConfigurationSource } from '../../src/config/configuration-source.ts';

/** Made once: keys take a moment. */
const pki = developmentPki({ domain: 'mqtt.example.com', devices: 1 });

/** The zone file beside the example configuration. */
export const exampleZone = readFileSync(new URL('../../config/zones/mqtt.example.com.zone', import.meta.url), 'utf8');

/** The development PKI's files, in the folder `directory`. */
export function pkiFiles(directory: string): Record<string, string | Uint8Array> {
  return Object.fromEntries(pki.map(({ name, content }) => [resolve(directory, name), content]));
}

/** A world in memory: absolute paths to contents, and environment variables. */
export function createFakeSource(
  files: Readonly<Record<string, string | Uint8Array>>,
  variables: Readonly<Record<string, string>> = {},
): ConfigurationSource {
  return {
    variable: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
    readFile: (path, maxBytes) => {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      if (content === undefined) return failure('no such file');
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      return bytes.length > maxBytes ? failure(`it is larger than ${maxBytes} bytes`) : success(bytes);
    },
    cores: 3,
  };
}
