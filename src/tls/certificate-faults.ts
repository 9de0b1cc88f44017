import type { CertificatePath, PresentedChain } from './certificate-path.ts';
import {
  type CertificateExtensions,
  type CertificateStructure,
  keyUsageBit,
  readCertificateExtensions,
} from './certificate-structure.ts';
import type { CertificateRefusal } from './listener-tls.ts';

/** The faults of every element of a path (the leaf's and its CAs'), revocation aside. */
export function pathFaults(chain: PresentedChain, path: CertificatePath, wallMs: number): Set<CertificateRefusal> {
  const faults = new Set<CertificateRefusal>();
  const { authorities, isTrusted } = path;
  addElementFaults(faults, chain.structure, wallMs);
  if (chain.structure.hasWeakSignature && (authorities.length > 0 || !isTrusted)) faults.add('weakSignature');
  for (const [index, { structure }] of authorities.entries()) {
    addElementFaults(faults, structure, wallMs);
    const isAnchor = isTrusted && index === authorities.length - 1;
    if (structure.hasWeakSignature && !isAnchor) faults.add('weakSignature');
  }
  if (!chain.isAuthorized) addFaultsOpenSslWouldFind(faults, chain, path);
  return faults;
}

function addElementFaults(faults: Set<CertificateRefusal>, structure: CertificateStructure, wallMs: number): void {
  if (wallMs > structure.notAfter) faults.add('expired');
  if (wallMs < structure.notBefore) faults.add('notYetValid');
  if (structure.hasWeakKey) faults.add('weakKey');
}

/** OpenSSL shows one error of possibly several, so each of its checks that could hide behind it is made here too. */
function addFaultsOpenSslWouldFind(
  faults: Set<CertificateRefusal>,
  chain: PresentedChain,
  { authorities, isTrusted }: CertificatePath,
): void {
  if (!isTrusted) {
    const isSelfSigned = authorities.length === 0 && isSelfIssued(chain.structure);
    faults.add(isSelfSigned ? 'selfSigned' : 'untrusted');
  }
  const leaf = readCertificateExtensions(chain.structure);
  if (!leaf.allowsClientAuth) faults.add('missingClientAuth');
  const signs = keyUsageBit.digitalSignature | keyUsageBit.keyAgreement;
  if (leaf.hasUnknownCritical || !hasKeyUsage(leaf, signs)) faults.add('invalid');
  for (const [index, { extensions }] of authorities.entries()) {
    if (!extensions.allowsClientAuth) faults.add('missingClientAuth');
    const isAnchor = isTrusted && index === authorities.length - 1;
    if (!mayIssue(extensions, index, isAnchor)) faults.add('invalid');
  }
}

function isSelfIssued({ subject, issuer }: CertificateStructure): boolean {
  return Buffer.compare(subject, issuer) === 0;
}

/** `depth`: how many CAs stand between this one and the leaf (RFC 5280 §4.2.1.9). An anchor may be of version 1. */
function mayIssue(extensions: CertificateExtensions, depth: number, isAnchor: boolean): boolean {
  const { basicConstraints, hasUnknownCritical, pathLength } = extensions;
  const isAuthority = basicConstraints === 'authority' || (isAnchor && basicConstraints === 'absent');
  const isShortEnough = pathLength === undefined || depth <= pathLength;
  return isAuthority && isShortEnough && !hasUnknownCritical && hasKeyUsage(extensions, keyUsageBit.keyCertSign);
}

function hasKeyUsage({ keyUsage }: CertificateExtensions, bits: number): boolean {
  return keyUsage === undefined || (keyUsage & bits) !== 0;
}
