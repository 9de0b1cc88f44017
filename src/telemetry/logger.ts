import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Record<string, unknown>): Logger;
};

const redactedPaths = ['password', 'token', 'key', 'secret', '*.password', '*.token', '*.key', '*.secret'];

/** Bytes of log that wait for a reader that does not read; what comes beyond them is dropped. */
const waitingLogBytes = 4 * 1_048_576;

/** JSON lines to `destination` (default: stdout). Secrets under their usual names never reach it. */
export function createLogger(
  options: { readonly level: string; readonly component: string },
  destination?: DestinationStream,
): Logger {
  const enabled = options.level !== 'silent';
  return pino(
    {
      level: options.level,
      enabled,
      base: { component: options.component, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redactedPaths, censor: '[hidden]' },
    },
    destination ?? (enabled ? createStandardOutput() : nowhere),
  );
}

const nowhere: DestinationStream = { write: () => {} };

/**
 * Standard output that never stops the process: a full disk or a reader that hangs costs log lines, not devices. What is
 * buffered goes out when the process exits.
 */
function createStandardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxLength: waitingLogBytes });
  output.on('error', () => {});
  process.once('exit', () => {
    try {
      output.flushSync();
    } catch {
      // Nobody reads any more.
    }
  });
  return output;
}
