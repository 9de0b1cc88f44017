import { type Account, type AccountOptions, createAccount } from './account.ts';
import { createCertificateIssuance } from './certificate-issuance.ts';
import { addDefaultDomain } from './domain-configurations.ts';
import { systemIdentifiers } from './system-identifiers.ts';

export type NewAccountOptions = Omit<AccountOptions, 'identifiers' | 'issuance'> &
  Partial<Pick<AccountOptions, 'identifiers' | 'issuance'>>;

/** An account that has nothing yet but its endpoint. */
export function newAccount(options: NewAccountOptions, wallMs: number): Account {
  const { identifiers = systemIdentifiers } = options;
  const issuance = options.issuance ?? createCertificateIssuance(identifiers.hexadecimal);
  const account = createAccount({ ...options, identifiers, issuance });
  addDefaultDomain(account, wallMs);
  return account;
}
