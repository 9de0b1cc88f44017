import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Configuration } from './configuration.ts';

/** Files whose change must cause a reload without SIGHUP: the CRLs. Each once. */
export function watchedFiles(configuration: Configuration): readonly string[] {
  return [...new Set(configuration.listeners.flatMap(({ tls }) => tls?.crls ?? []))];
}

/**
 * Calls `onChange` with the files that were written, replaced, made or removed since the last look, every
 * `intervalMs` (default 5 s) at most once. Polls: notifications do not cross bind mounts, network file systems and
 * swapped symbolic links. Does not keep the process alive; the returned function stops it.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: (changed: readonly string[]) => void,
  intervalMs = 5_000,
): () => void {
  let known = paths.map(currentIdentity);
  let isLooking = false;
  let isStopped = false;
  const look = async () => {
    // A file system that does not answer must not pile up calls.
    if (isLooking) return;
    isLooking = true;
    const seen = await Promise.all(paths.map((path) => stat(path, { bigint: true }).then(identityOf, () => undefined)));
    isLooking = false;
    const changed = paths.filter((_, index) => seen[index] !== known[index]);
    known = seen;
    if (changed.length > 0 && !isStopped) onChange(changed);
  };
  const timer = setInterval(() => void look(), intervalMs).unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}

function currentIdentity(path: string): string | undefined {
  try {
    return identityOf(statSync(path, { bigint: true }));
  } catch {
    return undefined;
  }
}

function identityOf(file: { readonly ino: bigint; readonly size: bigint; readonly mtimeNs: bigint }): string {
  return `${file.ino} ${file.size} ${file.mtimeNs}`;
}
