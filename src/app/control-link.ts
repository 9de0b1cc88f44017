import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** Messages between the control process and one worker: JSON lines over a Unix socket that only this gateway's processes reach. */
export interface ControlLink<Outgoing> {
  send(message: Outgoing): void;
  /** As `send`, in the same order, but nobody waits for it: it leaves with the next message, or within `postMs`. */
  post(message: Outgoing): void;
  close(): void;
}

export interface LinkHandlers<Incoming> {
  readonly onMessage: (message: Incoming) => void;
  readonly onClose: () => void;
}

/** Each write wakes the other process: what is not urgent shares one. */
const postMs = 4;
/** Bytes that may wait for the other process to read them. */
const unreadBytes = 256 * 1_048_576;

/** Speaks over a connected socket. Messages of one turn of the event loop leave in one write. */
export function openControlLink<Incoming, Outgoing>(
  socket: Socket,
  { onMessage, onClose }: LinkHandlers<Incoming>,
): ControlLink<Outgoing> {
  const decoder = new StringDecoder('utf8');
  let partial: string[] = [];
  let outgoing: string[] = [];
  let postTimer: NodeJS.Timeout | undefined;
  let isFlushing = false;

  socket.on('data', (chunk) => {
    const lines = decoder.write(chunk).split('\n');
    const last = lines.pop() ?? '';
    if (lines.length > 0) {
      lines[0] = partial.join('') + (lines[0] ?? '');
      partial = [];
      for (const line of lines) onMessage(JSON.parse(line) as Incoming);
    }
    if (last !== '') partial.push(last);
  });
  // The close that follows is what matters.
  socket.on('error', () => {});
  socket.once('close', onClose);

  function flush(): void {
    clearTimeout(postTimer);
    postTimer = undefined;
    isFlushing = false;
    const text = outgoing.join('');
    outgoing = [];
    if (socket.destroyed) return;
    socket.write(text);
    // The other side hangs: better a link that comes back than memory that does not.
    if (socket.writableLength > unreadBytes) socket.destroy();
  }
  return {
    send(message) {
      if (socket.destroyed) return;
      outgoing.push(`${JSON.stringify(message)}\n`);
      if (isFlushing) return;
      isFlushing = true;
      setImmediate(flush);
    },
    post(message) {
      if (socket.destroyed) return;
      outgoing.push(`${JSON.stringify(message)}\n`);
      if (!isFlushing) postTimer ??= setTimeout(flush, postMs);
    },
    close() {
      socket.destroy();
    },
  };
}
