/** How a client ID has to be bound to the certificate of who uses it (`fleet.clientIdPolicy`). */
export type ClientIdPolicy = 'any' | 'equals-common-name' | 'prefixed-by-common-name';

/**
 * Whether a client ID is bound to the certificate's common name: equal to it, or (`prefixed-by-common-name`, and
 * the mere count of `any`) beginning with it. Without a common name there is nothing that binds.
 */
export function judgeClientId(
  policy: ClientIdPolicy,
  clientId: string,
  commonName: string | undefined,
): 'bound' | 'counted' | 'refused' {
  if (policy === 'any') {
    return commonName === undefined || clientId.startsWith(commonName) ? 'bound' : 'counted';
  }
  if (commonName === undefined || commonName === '') return 'refused';
  const isBound = policy === 'equals-common-name' ? clientId === commonName : clientId.startsWith(commonName);
  return isBound ? 'bound' : 'refused';
}
