import type { Account } from './account.ts';
import type { Operations } from './operation.ts';

/** The code that a DEFAULT CA's verification certificate must carry; made at the first question, kept until deleted. */
export function registrationCode({ settings, identifiers }: Account): string {
  settings.registrationCode ??= identifiers.hexadecimal(32);
  return settings.registrationCode;
}

export const registrationCodeOperations = {
  GetRegistrationCode: (_input, { account }) => ({ registrationCode: registrationCode(account) }),
  DeleteRegistrationCode(_input, { account }) {
    account.settings.registrationCode = undefined;
    return {};
  },
} satisfies Operations;
