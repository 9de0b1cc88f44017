import type { Socket } from 'node:net';
import { packetType } from '../mqtt/control-packet.ts';

/** How long a broker has to keep a connection before it is taken for one that serves it: milliseconds. */
export const keptMs = 1_000;
/** A broker that says so much serves the connection, and the rest is read with the session. */
const maxBytes = 65_536;

const pingreq = Buffer.from([packetType.pingreq << 4, 0]);

/**
 * Whether a broker keeps a connection that it has accepted: it answers a PINGREQ, or delivers something, and does not
 * close for a second. Nothing of the device has gone there, so that a close is not the device's doing. Gives what came
 * meanwhile, `before` in front of it (a PINGRESP more does no harm); undefined: it closed, said DISCONNECT, or `signal`
 * came first. The socket keeps none of this function's listeners afterwards and is paused.
 */
export function keptConnection(socket: Socket, before: Buffer, signal: AbortSignal): Promise<Buffer | undefined> {
  const chunks = before.length > 0 ? [before] : [];
  let bytes = before.length;
  let isLongEnough = false;
  return new Promise((resolve) => {
    const finish = (isKept: boolean): void => {
      clearTimeout(timer);
      socket.off('data', handleData).off('end', handleClose).off('close', handleClose);
      signal.removeEventListener('abort', handleClose);
      socket.pause();
      resolve(isKept && !isDisconnect(chunks[0]) ? Buffer.concat(chunks) : undefined);
    };
    const handleClose = () => finish(false);
    const judge = (): void => {
      if (bytes > maxBytes || (isLongEnough && bytes > 0)) finish(true);
    };
    const handleData = (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      judge();
    };
    const timer = setTimeout(() => {
      isLongEnough = true;
      judge();
    }, keptMs);
    socket.on('data', handleData).on('end', handleClose).on('close', handleClose);
    signal.addEventListener('abort', handleClose);
    if (socket.destroyed || signal.aborted) finish(false);
    else {
      socket.write(pingreq);
      socket.resume();
    }
  });
}

function isDisconnect(first: Buffer | undefined): boolean {
  return first !== undefined && (first[0] as number) >> 4 === packetType.disconnect;
}
