import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { developmentPki } from './development-pki.ts';

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: join(import.meta.dirname, 'dev') },
    domain: { type: 'string', default: 'mqtt.example.com' },
    devices: { type: 'string', default: '3' },
    force: { type: 'boolean', default: false },
  },
});

process.exitCode = makeDevelopmentPki();

function makeDevelopmentPki(): number {
  const devices = Number(values.devices);
  if (!Number.isInteger(devices) || devices < 0 || devices > 100_000) {
    console.error(`Expected --devices as a whole number from 0 to 100000, got ${values.devices}`);
    return 64;
  }
  if (existsSync(join(values.dir, 'server.pem')) && !values.force) {
    console.error(`${values.dir} has a PKI already; --force replaces it`);
    return 1;
  }
  mkdirSync(values.dir, { recursive: true, mode: 0o700 });
  const files = developmentPki({ domain: values.domain, devices });
  for (const { name, content, secret } of files) {
    writeFileSync(join(values.dir, name), content, { mode: secret ? 0o600 : 0o644 });
  }
  console.log(`Wrote ${files.length} files to ${values.dir}`);
  return 0;
}
