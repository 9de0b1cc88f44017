import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay in front of a broker, for whose connections it is the network: it can cut them all at once. */
export class ConnectionRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isDown = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `port`: the broker's. */
  static async start(port: number): Promise<ConnectionRelay> {
    const server = createServer({ noDelay: true });
    const relay = new ConnectionRelay(server);
    server.on('connection', (socket) => relay.#relay(socket, port));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** Every connection breaks, in the middle of whatever it carried; new ones break too until `mend`. */
  cut(): void {
    this.#isDown = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#isDown = false;
  }

  #relay(client: Socket, port: number): void {
    if (this.#isDown) return void client.resetAndDestroy();
    const broker = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
