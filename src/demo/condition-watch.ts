/** Lets somebody wait until something holds that others change. Whoever changes it calls `notify`. */
export class ConditionWatch {
  readonly #checks = new Set<() => void>();

  notify(): void {
    for (const check of this.#checks) check();
  }

  /**
   * Resolves true as soon as `holds` does, asked now and at every `notify`; false after `timeoutMs`. Rejects with the
   * signal's reason when that aborts.
   */
  until(
    holds: () => boolean,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.#checks.delete(check);
        signal.removeEventListener('abort', abort);
      };
      const check = () => {
        if (!holds()) return;
        finish();
        resolve(true);
      };
      const abort = () => {
        finish();
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        finish();
        resolve(holds());
      }, timeoutMs);
      this.#checks.add(check);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      else check();
    });
  }
}
