import type { Socket } from 'node:net';
import { type Connack, decodeConnack } from '../mqtt/connack-packet.ts';
import { type ProtocolVersion, packetType } from '../mqtt/control-packet.ts';
import { PacketCollector } from '../mqtt/packet-collector.ts';
import { ignoreError } from './socket-closing.ts';
import type { ConnectOutcome } from './upstream-connector.ts';

export type BrokerAnswer =
  | { readonly kind: 'connack'; readonly rest: Buffer; readonly connack: Connack }
  | { readonly kind: 'failed'; readonly reason: 'closed' | 'not-connack' }
  | { readonly kind: 'aborted' };

/** What an answer, or the want of one, says of the endpoint. */
export function connectOutcome({ kind }: BrokerAnswer): ConnectOutcome {
  switch (kind) {
    case 'connack':
      return 'answered';
    case 'failed':
      return 'failed';
    case 'aborted':
      return 'given-up';
  }
}

/** Bytes of a CONNACK with all its properties; a broker that declares more is not understood. */
const maxConnackBytes = 65_536;

/**
 * Sends a CONNECT, in the version that is named beside it, and waits for the broker's first packet. The socket keeps none of this
 * function's listeners afterwards and is paused, so that no byte behind the CONNACK is lost.
 */
export function askBroker(
  upstream: Socket,
  connect: { readonly packet: Buffer; readonly protocol: ProtocolVersion },
  signal: AbortSignal,
): Promise<BrokerAnswer> {
  const collector = new PacketCollector({ maxPacketBytes: maxConnackBytes, types: [packetType.connack] });
  return new Promise((resolve) => {
    const finish = (answer: BrokerAnswer): void => {
      upstream.off('data', handleData).off('end', handleClose).off('close', handleClose);
      signal.removeEventListener('abort', handleAbort);
      upstream.pause();
      resolve(answer);
    };
    const handleClose = () => finish({ kind: 'failed', reason: 'closed' });
    const handleAbort = () => finish({ kind: 'aborted' });
    const handleData = (chunk: Buffer): void => {
      const collected = collector.push(chunk);
      if (collected.kind === 'incomplete') return;
      const connack = collected.kind === 'packet' ? decodeConnack(collected.packet, connect.protocol) : undefined;
      if (collected.kind === 'refused' || connack === undefined) finish({ kind: 'failed', reason: 'not-connack' });
      else finish({ kind: 'connack', rest: collected.rest, connack });
    };
    upstream.on('error', ignoreError).on('data', handleData).on('end', handleClose).on('close', handleClose);
    signal.addEventListener('abort', handleAbort);
    if (upstream.destroyed) handleClose();
    else if (signal.aborted) handleAbort();
    else upstream.write(connect.packet);
  });
}
