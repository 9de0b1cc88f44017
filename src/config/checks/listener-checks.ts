import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

const judgingModes = ['required', 'optional', 'observe'];

/** A client certificate can only be judged with CAs to judge it by. */
export function checkListeners(root: Cursor): readonly Finding[] {
  return root.at('listeners').items.flatMap((listener) => {
    const tls = listener.at('tls');
    const mode = tls.at('clientCertificates').text ?? 'required';
    const cas = tls.at('trustedCas');
    const hasNone = !cas.isPresent || (Array.isArray(cas.value) && cas.value.length === 0);
    if (typeof tls.value !== 'object' || tls.value === null || !judgingModes.includes(mode) || !hasNone) return [];
    return [cas.finding(`expected at least one CA file where clientCertificates is ${mode}, got none`)];
  });
}
