import type { Socket } from 'node:net';
import type { ClientPort } from './link/broker-client.ts';
import { OutputBatch } from './output-batch.ts';

/** Milliseconds that a socket has to write what was left when it is closed. */
const lingerMs = 500;

/** A connected socket as a machine writes to it; `over` is called once, when the machine closes it. */
export function socketPort(socket: Socket, over: (cause: string) => void): ClientPort {
  const output = new OutputBatch(socket);
  return {
    get isFull() {
      return socket.writableNeedDrain;
    },
    write: (bytes, length) => output.add(bytes, length),
    close(cause) {
      over(cause);
      output.flush();
      socket.removeAllListeners('data').resume();
      socket.end();
      const timer = setTimeout(() => socket.destroy(), lingerMs);
      socket.once('close', () => clearTimeout(timer));
    },
  };
}
