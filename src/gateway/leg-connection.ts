import type { Socket } from 'node:net';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { flushLingerMs } from './gateway-ports.ts';
import { LegFilters } from './leg-filters.ts';
import type { LegTerms } from './leg-terms.ts';
import { LegWriter } from './leg-writer.ts';
import { ReadGate } from './read-gate.ts';
import { closeAfterFlush } from './socket-closing.ts';

/** One upstream connection of a session: its socket, and when it is read and written. */
export class LegConnection {
  readonly number: number;
  readonly socket: Socket;
  readonly terms: LegTerms;
  readonly gate: ReadGate;
  readonly writer: LegWriter;
  readonly filters: LegFilters;
  /** Nothing that it says counts any more; it closes. */
  isOver = false;
  /**
   * Its broker holds all that the device is subscribed to: it has been active, and since then neither was it unsubscribed
   * nor did the device change anything. The session could go on there.
   */
  isWhole = false;

  constructor(number: number, socket: Socket, terms: LegTerms) {
    this.number = number;
    this.socket = socket;
    this.terms = terms;
    this.gate = new ReadGate(socket);
    this.writer = new LegWriter(socket);
    this.filters = new LegFilters(terms.broker);
  }

  /** Ends it as a device ends its connection, so that no will is published; inside a packet there is no way to say so. */
  close(mayBeTold: boolean): void {
    this.isOver = true;
    this.filters.close();
    closeAfterFlush(this.socket, flushLingerMs, mayBeTold ? encodeClientDisconnect() : undefined);
  }

  destroy(): void {
    this.isOver = true;
    this.filters.close();
    this.socket.destroy();
  }
}
