import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { loadTrustedAuthorities } from '../../tls/trusted-authorities.ts';
import { CertificateCheck } from './certificate-check.ts';
import type { FunctionSettings } from './function-settings.ts';
import { createOcspExchange, type PostOcsp } from './ocsp-exchange.ts';
import { RevocationSource } from './revocation-source.ts';

/** AWS waits five seconds for a function; what cannot be looked up by then counts as unknown. */
const fetchMs = 2_000;
/** Octets of a list and of a responder's answer at most. */
const listBytes = 64 * 1_048_576;
const responseBytes = 65_536;
const keptStatuses = 10_000;

/** The check that a function's environment describes. Throws where it describes none. */
export function certificateCheckFrom(settings: FunctionSettings): CertificateCheck {
  const trusted = loadTrustedAuthorities(
    'CROSSFADE_CA_FILES',
    settings.list('CROSSFADE_CA_FILES').map((path) => readFileSync(path, 'latin1')),
  );
  const sources = settings.list('CROSSFADE_CRLS');
  const ocsp = settings.text('CROSSFADE_OCSP') ?? 'off';
  if ((sources.length > 0 || ocsp !== 'off') && trusted.all.length === 0) {
    throw new Error('CROSSFADE_CA_FILES: expected the CAs that sign lists and responses, got nothing');
  }
  const keepMs = settings.seconds('CROSSFADE_REVOCATION_SECONDS', 3_600, { least: 60, most: 86_400 }) * 1_000;
  const clock = systemClock;
  return new CertificateCheck(
    {
      trusted,
      tolerate: settings.tolerated(),
      unknownStatus: settings.choice('CROSSFADE_REVOCATION_UNKNOWN', ['allow', 'refuse'], 'allow'),
    },
    {
      clock,
      ...(sources.length === 0
        ? {}
        : { revocation: new RevocationSource(trusted, { sources, refreshMs: keepMs }, { read: readSource, clock }) }),
      ...(ocsp === 'off'
        ? {}
        : {
            askOcsp: createOcspExchange(
              { keepMs, kept: keptStatuses, ...(ocsp === 'certificate' ? {} : { responder: ocsp }) },
              postOcsp,
            ),
          }),
    },
  );
}

async function readSource(source: string): Promise<Uint8Array> {
  if (!/^https?:\/\//.test(source)) return readFile(source);
  return receive(await fetch(source, { signal: AbortSignal.timeout(fetchMs) }), listBytes);
}

const postOcsp: PostOcsp = async (url, request) => {
  const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' };
  const signal = AbortSignal.timeout(fetchMs);
  return receive(await fetch(url, { method: 'POST', headers, body: new Uint8Array(request), signal }), responseBytes);
};

async function receive(response: Response, most: number): Promise<Uint8Array> {
  if (!response.ok || response.body === null) throw new Error(`expected a document, got status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > most) throw new Error(`expected at most ${most} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
