/** Lambda functions of the account: `invoke` resolves with the answer, or rejects with what the function threw. */
export interface Functions {
  has(arn: string): boolean;
  invoke(arn: string, event: unknown): Promise<unknown>;
}

/** A function as it is deployed: an event in, an answer out. */
export type FunctionHandler = (event: never) => unknown;

/**
 * Functions by their ARN. The event and the answer pass through JSON, as between two processes, and one that takes
 * longer than `timeoutMs` has failed.
 */
export function createFunctions(handlers: ReadonlyMap<string, FunctionHandler>, timeoutMs: number): Functions {
  return {
    has: (arn) => handlers.has(arn),
    async invoke(arn, event) {
      const handler = handlers.get(arn);
      if (handler === undefined) throw new Error(`There is no function ${arn}`);
      const given = JSON.parse(JSON.stringify(event)) as never;
      const timeout = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => timeout.reject(new Error(`The function ${arn} took over ${timeoutMs} ms`)),
        timeoutMs,
      );
      try {
        const answer = await Promise.race([Promise.resolve().then(() => handler(given)), timeout.promise]);
        return answer === undefined ? null : (JSON.parse(JSON.stringify(answer)) as unknown);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
