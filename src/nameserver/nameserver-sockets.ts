import type { HostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AnswerMessage } from './answering.ts';
import { type TcpLimits, TcpService } from './tcp-service.ts';
import type { NetworkInterfaces } from './udp-addresses.ts';
import { UdpService } from './udp-service.ts';

export interface NameserverSocketsDeps {
  readonly answer: AnswerMessage;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tcp: TcpLimits;
  readonly interfaces?: () => NetworkInterfaces;
}

/** Times that a free TCP port is tried whose number may be taken over UDP. */
const portAttempts = 16;

/** The sockets of one worker: UDP and TCP at the same port of every bind. */
export class NameserverSockets {
  readonly #udp: UdpService[] = [];
  readonly #tcp: TcpService;
  readonly #deps: NameserverSocketsDeps;

  constructor(deps: NameserverSocketsDeps) {
    this.#deps = deps;
    this.#tcp = new TcpService({ answer: deps.answer, clock: deps.clock, limits: deps.tcp });
  }

  /** Binds one address and returns it with its port, a free one for 0. Rejects with CrossfadeError `bind`. */
  async listen(bind: HostPort): Promise<HostPort> {
    for (let attempt = 1; ; attempt += 1) {
      const bound = await this.#tcp.listen(bind);
      const udp = new UdpService(this.#deps);
      try {
        await udp.listen([bound]);
        this.#udp.push(udp);
        return bound;
      } catch (error) {
        udp.stop();
        this.#tcp.forget(bound);
        if (bind.port !== 0 || attempt === portAttempts || !(error instanceof CrossfadeError)) throw error;
      }
    }
  }

  /** The addresses that answer over UDP now. */
  get udpAddresses(): readonly string[] {
    return this.#udp.flatMap(({ addresses }) => addresses);
  }

  get tcpConnections(): number {
    return this.#tcp.connectionCount;
  }

  stop(): void {
    for (const udp of this.#udp) udp.stop();
    this.#tcp.stop();
  }
}
