import type { ProtocolVersion } from './control-packet.ts';
import type { PacketSpan } from './packet-stream.ts';
import { PublishHead } from './publish-head.ts';

/**
 * What session machines write on while they handle one event, and never after it: one for all sessions of a worker, so
 * that an idle session holds neither the objects nor the chunk that came last.
 */
export class SessionScratch {
  readonly #heads = new Map<string, PublishHead>();
  readonly spanFromDevice: PacketSpan = emptySpan();
  readonly spanFromBroker: PacketSpan = emptySpan();

  /** The head that a device's PUBLISH is read into. */
  deviceHead(protocol: ProtocolVersion): PublishHead {
    return this.#head(`device ${protocol}`, protocol, true);
  }

  /** The same packet with its topic instead of an alias: both are looked at together. */
  plainHead(protocol: ProtocolVersion): PublishHead {
    return this.#head(`plain ${protocol}`, protocol, true);
  }

  brokerHead(protocol: ProtocolVersion): PublishHead {
    return this.#head(`broker ${protocol}`, protocol, false);
  }

  #head(name: string, protocol: ProtocolVersion, isStrict: boolean): PublishHead {
    const known = this.#heads.get(name);
    if (known !== undefined) return known;
    const head = new PublishHead(protocol, isStrict);
    this.#heads.set(name, head);
    return head;
  }
}

function emptySpan(): PacketSpan {
  return { bytes: Buffer.alloc(0), start: 0, body: 0, end: 0, packetBytes: 0 };
}
