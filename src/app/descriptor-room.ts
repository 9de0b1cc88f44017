import type { Logger } from '../telemetry/logger.ts';

/** Kept for listeners, links, files and logs of a worker. */
const descriptorsKept = 48;
/** A device and its broker. */
const descriptorsPerConnection = 2;

/**
 * How many device connections a worker lets in: the configured bound, or fewer where the process may not open that many
 * files. Beyond its descriptors the system closes connections without a word to anybody; this way they are counted.
 */
export function connectionsWithin(configured: number, openFilesLimit: number): number {
  const room = Math.floor((openFilesLimit - descriptorsKept) / descriptorsPerConnection);
  return Math.min(configured, Math.max(1, room));
}

/** The same of this process; it says so where they are fewer. */
export function allowedConnections(
  { connectionsPerWorker }: { readonly connectionsPerWorker: number },
  log: Pick<Logger, 'warn'>,
): number {
  const openFiles = openFilesLimit();
  const connections = connectionsWithin(connectionsPerWorker, openFiles);
  if (connections < connectionsPerWorker) {
    const text = 'The limit of open files lets fewer devices in than limits.connectionsPerWorker';
    const figures = { connectionsPerWorker, openFiles, connections };
    // Behind the ready line, which a script may expect to be the first.
    setTimeout(() => log.warn(figures, text), noticeAfterMs).unref();
  }
  return connections;
}

const noticeAfterMs = 3_000;

/** The process's limit of open files; Infinity where the system names none. */
export function openFilesLimit(): number {
  const { report } = process;
  // Network lookups of open sockets would only cost time.
  Object.assign(report, { excludeNetwork: true });
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isFinite(soft) && soft > 0 ? soft : Number.POSITIVE_INFINITY;
}
