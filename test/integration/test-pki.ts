import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { developmentPki } from '../../certs/development-pki.ts';

export const fleetDomain = 'mqtt.example.com';

/** One development PKI per test file: minting is the slow part, and brokers and gateway must trust each other. */
const files = developmentPki({ domain: fleetDomain, devices: 4 });

/** The content of a file of the PKI, `device-000001.pem`. */
export function pkiText(name: string): string {
  const file = files.find((one) => one.name === name);
  if (file === undefined) throw new Error(`The development PKI has no ${name}`);
  return file.content;
}

/** Writes the whole PKI into `directory/pki`, readable by every user that a broker may run as; answers that path. */
export async function writePki(directory: string): Promise<string> {
  const path = join(directory, 'pki');
  await mkdir(path);
  await Promise.all(files.map(({ name, content }) => writeFile(join(path, name), content, { mode: 0o644 })));
  return path;
}
