import type { Socket } from 'node:net';

/** A socket error always comes with `close`, where it is dealt with; this listener only keeps it from being thrown. */
export function ignoreError(): void {}

/**
 * Ends a socket behind what was written to it and `lastBytes`, drops what still comes in, and destroys it after
 * `lingerMs` when the peer does not close too. (Closing over unread bytes would make the kernel answer with RST, and
 * the peer could lose the last bytes.) Where the writing side has ended already, only its flush is waited for and
 * `lastBytes` are not sent: they would make an error that drops what still waits. The caller has taken its own
 * listeners off.
 */
export function closeAfterFlush(socket: Socket, lingerMs: number, lastBytes?: Uint8Array): void {
  if (socket.destroyed) return;
  socket.on('error', ignoreError);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.end());
  if (!socket.writableEnded) endWith(socket, lastBytes);
  socket.resume();
}

/**
 * Leaves a socket open and silent until the peer closes it or `lingerMs` passed, then closes it abruptly; drops what
 * comes in. A broker then treats the will of a session that was taken over as it would without the gateway.
 */
export function abandonToPeer(socket: Socket, lingerMs: number): void {
  if (socket.destroyed) return;
  socket.on('error', ignoreError);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  socket.resume();
}

function endWith(socket: Socket, lastBytes: Uint8Array | undefined): void {
  if (lastBytes === undefined) socket.end();
  else socket.end(lastBytes);
}

/** Resolves when the socket is closed; destroys it when that takes longer than `withinMs`. */
export function closedWithin(socket: Socket, withinMs: number): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), withinMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
