import { hash } from 'node:crypto';
import type { AccountGate, Admission, ConnectQuestion } from './account-gate.ts';

/** An account without rules, for whoever only wants the message broker: everybody may do everything. */
export const openGate: AccountGate = {
  accepts: () => true,
  admit: async ({ connection }: ConnectQuestion): Promise<Admission> => {
    const [certificate] = connection.certificates;
    return {
      admitted: true,
      client: {
        // The certificate ID, as AWS makes it.
        principalId: certificate === undefined ? 'anonymous' : hash('sha256', certificate),
        thingName: () => undefined,
        allows: () => true,
        propagatedAttributes: () => [],
      },
    };
  },
};
