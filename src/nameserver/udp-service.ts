import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import { CrossfadeError, errorMessage, systemErrorCode } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AnswerMessage } from './answering.ts';
import { createAskerAddresses } from './asker-address.ts';
import { type NetworkInterfaces, type SocketAddress, udpAddresses } from './udp-addresses.ts';

export interface UdpServiceDeps {
  readonly answer: AnswerMessage;
  readonly log: Logger;
  /** Tests give their own. */
  readonly interfaces?: () => NetworkInterfaces;
}

/** How often the addresses of the interfaces are looked at. */
const lookEveryMs = 1_000;
/** The kernel grants what `net.core.rmem_max` allows. */
const bufferBytes = 4 * 1_048_576;
/** An address that is there and not usable yet (IPv6 duplicate detection), or is gone again: the next look decides. */
const passingProblems = ['EADDRNOTAVAIL', 'ENODEV', 'ENXIO', 'EINVAL'];

/** The UDP sockets of one worker: one for each local address that the binds name or stand for. */
export class UdpService {
  readonly #deps: UdpServiceDeps;
  readonly #sockets = new Map<string, Socket>();
  readonly #askerAddress = createAskerAddresses();
  readonly #complaints = new Set<string>();
  #binds: readonly HostPort[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(deps: UdpServiceDeps) {
    this.#deps = deps;
  }

  /** Binds; the ports are not 0. Rejects with CrossfadeError `bind` when an address is taken or not allowed. */
  async listen(binds: readonly HostPort[]): Promise<void> {
    this.#binds = binds;
    await this.#follow((address, error) => {
      if (passingProblems.includes(systemErrorCode(error) ?? '') && isExpanded(address, binds)) return;
      const problem = `${renderHostPort(address)} cannot be bound: ${errorMessage(error)}`;
      throw new CrossfadeError('bind', `nameserver: ${problem}`, { cause: error });
    });
    this.#timer = setInterval(() => void this.#look(), lookEveryMs).unref();
  }

  /** The addresses that are bound now. */
  get addresses(): readonly string[] {
    return [...this.#sockets.keys()];
  }

  /** Looks at the interfaces now instead of at the next second. */
  async look(): Promise<void> {
    await this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  async #look(): Promise<void> {
    await this.#follow((address, error) => {
      const text = `${address.host} ${systemErrorCode(error)}`;
      if (this.#complaints.has(text)) return;
      this.#complaints.add(text);
      this.#deps.log.warn(
        { address: renderHostPort(address), error: errorMessage(error) },
        'An address of this host cannot be served over UDP; it is tried again every second',
      );
    });
  }

  /** Brings the sockets to what the binds stand for now. */
  async #follow(complain: (address: SocketAddress, error: unknown) => void): Promise<void> {
    const { interfaces = networkInterfaces } = this.#deps;
    const wanted = new Map(
      udpAddresses(this.#binds, interfaces()).map((address) => [renderHostPort(address), address]),
    );
    for (const [text, socket] of this.#sockets) {
      if (wanted.has(text)) continue;
      this.#sockets.delete(text);
      socket.close();
    }
    for (const [text, address] of wanted) {
      if (this.#sockets.has(text)) continue;
      try {
        const socket = await this.#bind(address);
        if (this.#isStopped || this.#sockets.has(text)) socket.close();
        else this.#sockets.set(text, socket);
      } catch (error) {
        complain(address, error);
      }
    }
  }

  #bind({ host, family, port }: SocketAddress): Promise<Socket> {
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      reusePort: true,
      ipv6Only: family === 6,
      recvBufferSize: bufferBytes,
      sendBufferSize: bufferBytes,
      // Addresses only ever come from packets: nothing is to be looked up.
      lookup: (address, _options, done) => done(null, address, family),
    });
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address: host, port }, () => {
        socket.removeAllListeners('error');
        socket.on('error', (error) => this.#deps.log.warn({ error: errorMessage(error) }, 'A UDP socket had an error'));
        socket.on('message', (message, from) => this.#receive(socket, message, from));
        resolve(socket);
      });
    });
  }

  #receive(socket: Socket, message: Buffer, { address, port }: RemoteInfo): void {
    // Nobody can be answered at port 0.
    if (port === 0) return;
    const reply = this.#deps.answer(message, this.#askerAddress(address), 'udp');
    if (reply !== undefined) socket.send(reply, port, address, ignoreResult);
  }
}

function isExpanded({ host }: SocketAddress, binds: readonly HostPort[]): boolean {
  return !binds.some((bind) => bind.host === host);
}

/** A reply that cannot be sent is lost, as any datagram may be. */
function ignoreResult(): void {}
