import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Record<string, unknown>): Logger;
};

const redactedPaths = ['password', 'token', 'key', 'secret', '*.password', '*.token', '*.key', '*.secret'];

/** JSON lines to `destination` (default: stdout, unbuffered). Secrets under their usual names never reach it. */
export function createLogger(
  options: { readonly level: string; readonly component: string },
  destination: DestinationStream = pino.destination({ dest: 1, sync: true }),
): Logger {
  return pino(
    {
      level: options.level,
      base: { component: options.component, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redactedPaths, censor: '[hidden]' },
    },
    destination,
  );
}
