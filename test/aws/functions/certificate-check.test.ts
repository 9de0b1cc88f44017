import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { CertificateCheck, type CertificateCheckOptions } from '../../../src/aws/functions/certificate-check.ts';
import { createOcspExchange, type OcspStatus } from '../../../src/aws/functions/ocsp-exchange.ts';
import { RevocationSource } from '../../../src/aws/functions/revocation-source.ts';
import {
  type CertificateRequest,
  mintCertificate,
  mintCertificateAuthority,
} from '../../../src/tls/certificate-minting.ts';
import { mintCrl } from '../../../src/tls/crl-minting.ts';
import { loadTrustedAuthorities } from '../../../src/tls/trusted-authorities.ts';

const root = mintCertificateAuthority('Root CA');
const line = mintCertificateAuthority('Line CA', { issuer: root });
const stranger = mintCertificateAuthority('Root CA');
const nowMs = Date.now();

function leaf(request: Partial<CertificateRequest> = {}) {
  const minted = mintCertificate({ subject: { commonName: 'meter-7' }, issuer: root, ...request });
  return { certificate: new X509Certificate(minted.certificate), serialNumber: minted.serialNumber };
}

function trusting(...authorities: readonly { readonly certificate: string }[]) {
  return loadTrustedAuthorities(
    'test',
    authorities.map(({ certificate }) => certificate),
  );
}

interface World extends Partial<CertificateCheckOptions> {
  readonly crls?: readonly string[];
  readonly askOcsp?: () => Promise<OcspStatus>;
}

function open({ crls, askOcsp, trusted = trusting(root), ...options }: World = {}): CertificateCheck {
  const clock = { wallMs: () => nowMs };
  const source = { sources: Object.keys(crls ?? []), refreshMs: 60_000 };
  const read = async (index: string) => Buffer.from(crls?.[Number(index)] ?? '');
  return new CertificateCheck(
    { trusted, tolerate: [], unknownStatus: 'allow', ...options },
    {
      clock,
      ...(crls === undefined ? {} : { revocation: new RevocationSource(trusted, source, { read, clock }) }),
      ...(askOcsp === undefined ? {} : { askOcsp }),
    },
  );
}

test('a certificate of a trusted CA passes, directly and through an intermediate that came with it', async () => {
  assert.deepEqual(await open().refusals(leaf().certificate), []);
  const below = leaf({ issuer: line }).certificate;
  assert.deepEqual(await open().refusals(below, [new X509Certificate(line.certificate)]), []);
  assert.deepEqual(await open().refusals(below), ['untrusted']);
});

test('each fault is named as a listener names it, and tolerated as there', async () => {
  const [past, future] = [new Date(nowMs - 1_000), new Date(nowMs + 100_000)];
  const cases = [
    [{ issuer: stranger }, 'untrusted'],
    [{ notAfter: past }, 'expired'],
    [{ notBefore: future }, 'notYetValid'],
    [{ key: 'rsa1024' }, 'weakKey'],
    [{ signatureHash: 'sha1' }, 'weakSignature'],
    [{ extendedKeyUsage: ['serverAuth'] }, 'missingClientAuth'],
  ] as const;
  for (const [request, fault] of cases) {
    assert.deepEqual(await open().refusals(leaf(request).certificate), [fault]);
    if (fault === 'untrusted') continue;
    assert.deepEqual(await open({ tolerate: [fault] }).refusals(leaf(request).certificate), []);
  }
  const own = new X509Certificate(mintCertificate({ subject: { commonName: 'own' } }).certificate);
  assert.deepEqual(await open().refusals(own), ['selfSigned']);
  // An intermediate that came along is no anchor, and a device is no CA.
  const device = mintCertificate({ subject: { commonName: 'meter-8' }, issuer: root });
  const forged = leaf({ issuer: device }).certificate;
  assert.deepEqual(await open().refusals(forged, [new X509Certificate(device.certificate)]), ['untrusted']);
});

test("without CAs of its own it takes AWS's word for the chain, and looks at the certificate", async () => {
  const trusted = trusting();
  assert.deepEqual(await open({ trusted }).refusals(leaf({ issuer: stranger }).certificate), []);
  const expired = leaf({ notAfter: new Date(nowMs - 1_000) }).certificate;
  assert.deepEqual(await open({ trusted }).refusals(expired), ['expired']);
});

test('what a list of its issuer names is revoked, an intermediate too; a forged list says nothing', async () => {
  const { certificate, serialNumber } = leaf();
  const revoking = mintCrl({ issuer: root, revoked: [serialNumber] });
  assert.deepEqual(await open({ crls: [revoking] }).refusals(certificate), ['revoked']);
  assert.deepEqual(await open({ crls: [revoking], tolerate: ['expired'] }).refusals(certificate), ['revoked']);
  assert.deepEqual(await open({ crls: [mintCrl({ issuer: root })] }).refusals(certificate), []);
  const forged = mintCrl({ issuer: stranger, revoked: [serialNumber] });
  assert.deepEqual(await open({ crls: [forged] }).refusals(certificate), []);
  assert.deepEqual(await open({ crls: [forged], unknownStatus: 'refuse' }).refusals(certificate), ['crlStale']);
  const below = leaf({ issuer: line }).certificate;
  const intermediates = [new X509Certificate(line.certificate)];
  const revokingLine = mintCrl({ issuer: root, revoked: [line.serialNumber] });
  assert.deepEqual(await open({ crls: [revokingLine] }).refusals(below, intermediates), ['revoked']);
});

test('a status that nobody can say follows the setting', async () => {
  const { certificate } = leaf();
  const old = mintCrl({ issuer: root, nextUpdate: new Date(nowMs - 1_000) });
  for (const crls of [[old], ['garbage'], [mintCrl({ issuer: line })]]) {
    assert.deepEqual(await open({ crls }).refusals(certificate), []);
    assert.deepEqual(await open({ crls, unknownStatus: 'refuse' }).refusals(certificate), ['crlStale']);
  }
});

test('a responder is asked where no list says anything, and about the intermediate too', async () => {
  const { certificate } = leaf();
  const statuses = [
    ['good', []],
    ['revoked', ['revoked']],
    ['unknown', ['crlStale']],
  ] as const;
  for (const [status, expected] of statuses) {
    const check = open({ askOcsp: async () => status, unknownStatus: 'refuse' });
    assert.deepEqual(await check.refusals(certificate), expected);
  }
  const never = async () => assert.fail('a list has said it');
  assert.deepEqual(await open({ crls: [mintCrl({ issuer: root })], askOcsp: never }).refusals(certificate), []);
  let asked = 0;
  const counting = open({
    askOcsp: async () => {
      asked += 1;
      return 'good';
    },
  });
  await counting.refusals(leaf({ issuer: line }).certificate, [new X509Certificate(line.certificate)]);
  assert.equal(asked, 2);
});

test('lists are kept until they are due, and a source that fails leaves its last good list and is tried again soon', async () => {
  const { certificate, serialNumber } = leaf();
  const trusted = trusting(root);
  let wallMs = nowMs;
  let content: Promise<Uint8Array> = Promise.resolve(Buffer.from(mintCrl({ issuer: root, revoked: [serialNumber] })));
  let reads = 0;
  const read = () => {
    reads += 1;
    return content;
  };
  const clock = { wallMs: () => wallMs };
  const revocation = new RevocationSource(trusted, { sources: ['list'], refreshMs: 3_600_000 }, { read, clock });
  const check = new CertificateCheck({ trusted, tolerate: [], unknownStatus: 'refuse' }, { revocation, clock });
  const refusals = () => check.refusals(certificate);
  assert.deepEqual(await Promise.all([refusals(), refusals()]), [['revoked'], ['revoked']]);
  assert.equal(reads, 1);
  content = Promise.reject(new Error('no route'));
  content.catch(() => {});
  wallMs += 3_600_000;
  assert.deepEqual(await refusals(), ['revoked']);
  assert.equal(reads, 2);
  content = Promise.resolve(Buffer.from(mintCrl({ issuer: root })));
  wallMs += 29_000;
  assert.deepEqual(await refusals(), ['revoked']);
  wallMs += 1_000;
  assert.deepEqual(await refusals(), []);
  assert.equal(reads, 3);
});

test('an answer of a responder is kept for a while; none, and no responder, are unknown and kept not at all', async () => {
  const issuer = new X509Certificate(root.certificate);
  const { certificate } = leaf();
  let posts = 0;
  const ask = createOcspExchange({ responder: 'http://ocsp.example.com', keepMs: 60_000, kept: 10 }, async () => {
    posts += 1;
    throw new Error('no route');
  });
  assert.equal(await ask({ certificate, issuer, wallMs: nowMs }), 'unknown');
  assert.equal(await ask({ certificate, issuer, wallMs: nowMs }), 'unknown');
  assert.equal(posts, 2);
  const unasked = createOcspExchange({ keepMs: 60_000, kept: 10 }, async () => assert.fail('nobody named a responder'));
  assert.equal(await unasked({ certificate, issuer, wallMs: nowMs }), 'unknown');
});
