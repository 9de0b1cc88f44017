/** Where actions leave their results; a write that cannot be done rejects. */
export interface RuleDestinations {
  writeObject(bucket: string, key: string, body: Buffer): Promise<void>;
  /** Appends one line to a log group. */
  appendLog(logGroup: string, line: string): Promise<void>;
}
