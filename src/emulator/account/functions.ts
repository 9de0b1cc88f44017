/** Lambda functions of the account: `invoke` resolves with the answer, or rejects with what the function threw. */
export interface Functions {
  has(arn: string): boolean;
  invoke(arn: string, event: unknown): Promise<unknown>;
}

/** A function as it is deployed: an event in, an answer out. */
export type FunctionHandler = (event: never) => unknown;

/**
 * Functions by their ARN, whatever Region and account it says: there is one of that name. The event and the answer pass through JSON, as between two processes, and one that takes
 * longer than `timeoutMs` has failed.
 */
export function createFunctions(given: ReadonlyMap<string, FunctionHandler>, timeoutMs: number): Functions {
  const handlers = new Map([...given].map(([arn, handler]) => [nameOf(arn), handler]));
  return {
    has: (arn) => handlers.has(nameOf(arn)),
    async invoke(arn, event) {
      const handler = handlers.get(nameOf(arn));
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

/** What follows `function:`, a version or an alias left out. */
function nameOf(arn: string): string {
  return /^arn:aws[a-z-]*:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(arn)?.[1] ?? arn;
}
