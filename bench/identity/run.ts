/** What a device's upstream identity costs: certificates minted a second, and memory of each that is kept. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DeviceIdentities } from '../../src/gateway/device-identities.ts';
import type { UpstreamDevice } from '../../src/gateway/upstream-connector.ts';
import { deviceContexts } from '../../src/gateway/upstream-material.ts';
import { mintCertificateAuthority } from '../../src/tls/certificate-minting.ts';
import { loadMintingAuthority } from '../../src/tls/certificate-signer.ts';

const usage = 'usage: npm run bench:identity -- [--devices N] [--rounds N] [--json]';

type Kept = 'certificates' | 'contexts';

interface Round {
  readonly mintedPerSecond: number;
  readonly bytesPerIdentity: number;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error), usage);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '3000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      kept: { type: 'string' },
    },
  });
  const [devices, rounds] = [Number(values.devices), Number(values.rounds)];
  if (!(devices >= 1) || !(rounds >= 1)) throw new Error('expected numbers above 0');
  if (values.kept !== undefined) {
    console.log(JSON.stringify(await measure(devices, values.kept === 'contexts' ? 'contexts' : 'certificates')));
    return;
  }
  const certificates = medianRound(rounds, devices, 'certificates');
  const contexts = medianRound(rounds, devices, 'contexts');
  if (values.json) console.log(JSON.stringify({ devices, rounds, certificates, contexts }));
  else console.log(renderTable(devices, { certificates, contexts }));
}

/** Each in a process of its own: memory that was used once says nothing about what is used now. */
function medianRound(rounds: number, devices: number, kept: Kept): Round {
  const program = fileURLToPath(import.meta.url);
  const commandLine = ['--expose-gc', program, '--devices', String(devices), '--kept', kept];
  const all = Array.from(
    { length: rounds },
    () => JSON.parse(String(execFileSync(process.execPath, commandLine))) as Round,
  );
  return {
    mintedPerSecond: median(all.map(({ mintedPerSecond }) => mintedPerSecond)),
    bytesPerIdentity: median(all.map(({ bytesPerIdentity }) => bytesPerIdentity)),
  };
}

async function measure(devices: number, kept: Kept): Promise<Round> {
  const ca = mintCertificateAuthority('Gateway CA', { key: 'rsa2048' });
  const createContext = deviceContexts('bench', { ca: ca.certificate });
  const shared = createContext({ cert: ca.certificate, key: ca.key });
  const identities = new DeviceIdentities({
    authority: loadMintingAuthority({ cert: ca.certificate, key: ca.key }),
    terms: { epochDays: 180, alternativeNames: [] },
    bounds: { deviceCertificates: 2 * devices, deviceContexts: 2 * devices },
    createContext: kept === 'contexts' ? createContext : () => shared,
    clock: { wallMs: () => Date.now() },
  });
  await presentAll(identities, devices, 'warm');
  const before = usedBytes(kept);
  const beganMs = performance.now();
  await presentAll(identities, devices, 'device');
  const tookMs = performance.now() - beganMs;
  return {
    mintedPerSecond: Math.round((devices / tookMs) * 1_000),
    bytesPerIdentity: Math.round((usedBytes(kept) - before) / devices),
  };
}

/** Sixteen at a time, as dials come. */
async function presentAll(identities: DeviceIdentities, devices: number, prefix: string): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < devices; index = next++)
      await identities.present(deviceNamed(`${prefix}-${index}`));
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

function deviceNamed(key: string): UpstreamDevice {
  const address = { remoteAddress: '', remotePort: 0, localAddress: '', localPort: 0 };
  const identity = { key: { kind: 'cn', key }, clientId: key, isProven: true } as const;
  return { rendezvousKey: key, ...address, certificateVerified: true, identity };
}

/** A certificate is JavaScript's own memory; a context is OpenSSL's, which only the whole process shows. */
function usedBytes(kept: Kept): number {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return kept === 'contexts' ? rss : heapUsed + external;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((one, other) => one - other)[Math.floor(figures.length / 2)] ?? 0;
}

function renderTable(devices: number, { certificates, contexts }: Readonly<Record<Kept, Round>>): string {
  return [
    `${devices} devices, an RSA-2048 CA, medians`,
    `certificates minted a second                   ${certificates.mintedPerSecond}`,
    `the same, each with its TLS context built       ${contexts.mintedPerSecond}`,
    `bytes of a certificate and key that are kept    ${certificates.bytesPerIdentity}`,
    `the same with its TLS context                   ${contexts.bytesPerIdentity}`,
  ].join('\n');
}
