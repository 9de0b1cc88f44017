import { type FileHandle, open } from 'node:fs/promises';

/** Opens real files whose writes fail as long as `isFull`, some bytes into them. */
export class FailingDisk {
  isFull = false;

  readonly openFile: typeof open = async (...parameters) => {
    const file = await open(...parameters);
    return new Proxy(file, { get: (target, property) => this.#member(target, property) });
  };

  #member(file: FileHandle, property: string | symbol): unknown {
    const value: unknown = Reflect.get(file, property, file);
    if (typeof value !== 'function') return value;
    if (!this.isFull || (property !== 'write' && property !== 'writev')) return value.bind(file);
    return async (first: Buffer | readonly Buffer[], ...rest: readonly number[]) => {
      const bytes = Buffer.isBuffer(first) ? first : Buffer.concat([...first]);
      const position = rest.at(-1) ?? 0;
      await file.write(bytes, 0, Math.floor(bytes.length / 2), position);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
  }
}
