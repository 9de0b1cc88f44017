import { type FileHandle, open, truncate } from 'node:fs/promises';

/** Opens real files whose writes fail as long as `isFull`, some bytes into them, and that a power cut takes back to their last fsync. */
export class FailingDisk {
  isFull = false;
  /** By path: bytes that survive a power cut. */
  readonly #syncedBytes = new Map<string, number>();

  readonly openFile: typeof open = async (...parameters) => {
    const file = await open(...parameters);
    const path = String(parameters[0]);
    if (!this.#syncedBytes.has(path)) this.#syncedBytes.set(path, (await file.stat()).size);
    return new Proxy(file, { get: (target, property) => this.#member(target, property, path) });
  };

  /** What no fsync was waited for is gone. */
  async cutPower(): Promise<void> {
    for (const [path, bytes] of this.#syncedBytes) await truncate(path, bytes).catch(() => {});
  }

  #member(file: FileHandle, property: string | symbol, path: string): unknown {
    const value: unknown = Reflect.get(file, property, file);
    if (typeof value !== 'function') return value;
    if (property === 'datasync' || property === 'sync') {
      return async () => {
        await file[property]();
        this.#syncedBytes.set(path, (await file.stat()).size);
      };
    }
    if (!this.isFull || (property !== 'write' && property !== 'writev')) return value.bind(file);
    return async (first: Buffer | readonly Buffer[], ...rest: readonly number[]) => {
      const bytes = Buffer.isBuffer(first) ? first : Buffer.concat([...first]);
      const position = rest.at(-1) ?? 0;
      await file.write(bytes, 0, Math.floor(bytes.length / 2), position);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
  }
}
