/** What the process answers with (contract section 3). */
export const exitCodes = {
  done: 0,
  failed: 1,
  /** The command worked and its verdict is no. */
  verdictNo: 2,
  /** A mistake in the command line or in a configuration. */
  usage: 64,
  /** No admin API answers at the address. */
  unreachable: 69,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
