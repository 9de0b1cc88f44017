import type { ZoneReload } from './gateway-materials.ts';
import type { ChildMessage } from './process-messages.ts';

/** The control process's questions to the supervisor, which reads the files for every process. */
export class ZoneRequests {
  readonly #tell: (message: ChildMessage) => void;
  readonly #waiting = new Map<number, (zones: readonly ZoneReload[]) => void>();
  #requests = 0;

  constructor(tell: (message: ChildMessage) => void) {
    this.#tell = tell;
  }

  /** Resolves when the zones are answered from in every process; whoever asks does not wait for ever. */
  read(): Promise<readonly ZoneReload[]> {
    this.#requests += 1;
    const request = this.#requests;
    return new Promise((resolve) => {
      this.#waiting.set(request, resolve);
      this.#tell({ kind: 'read-zones', request });
    });
  }

  handleRead(request: number, zones: readonly ZoneReload[]): void {
    this.#waiting.get(request)?.(zones);
    this.#waiting.delete(request);
  }
}
