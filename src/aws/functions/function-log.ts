/** One line about one call; never a token, a password or a certificate. */
export type FunctionLog = (record: Readonly<Record<string, unknown>>) => void;

/** JSON lines on standard output, which Lambda brings to CloudWatch Logs. */
export const lambdaLog: FunctionLog = (record) => {
  process.stdout.write(`${JSON.stringify(record)}\n`);
};
