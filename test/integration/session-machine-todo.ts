/** Options of the tests whose subject is not in the gateway yet. */
export const needsSessionMachine = { todo: 'needs the session machine' } as const;
