import { setTimeout as wait } from 'node:timers/promises';

const betweenLooksMs = 20;

/**
 * Asks again and again until there is an answer, for what announces itself to nobody outside the gateway; an exception
 * counts as none. Rejects with the last exception, or with what was waited for.
 */
export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | undefined | false> | Value | undefined | false,
  deadlineMs = 10_000,
): Promise<Value> {
  const endMs = performance.now() + deadlineMs;
  let problem: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > endMs) throw problem ?? new Error(`${what} did not come true within ${deadlineMs} ms`);
    await wait(betweenLooksMs);
  }
}

/** Things that change by events: whoever waits looks again at every one. */
export class Changes {
  readonly #watchers = new Set<() => void>();

  announce(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves as soon as `isSo`; rejects with `what` after `deadlineMs`. */
  until(what: () => string, isSo: () => boolean, deadlineMs = 10_000): Promise<void> {
    if (isSo()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        finish();
      };
      const look = () => {
        if (isSo()) settle(resolve);
      };
      const timer = setTimeout(() => settle(() => reject(new Error(what()))), deadlineMs);
      this.#watchers.add(look);
    });
  }
}
