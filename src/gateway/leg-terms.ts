import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { EndpointWatch } from './endpoint-watch.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** What holds of a session while it is on one broker, beside what its machine knows. */
export interface LegTerms {
  readonly broker: string;
  /** The endpoint's that the connection is to. */
  readonly watch: EndpointWatch;
  /** Seconds between PINGREQs that keep the connection alive. */
  readonly keepAliveSeconds: number;
  /** Seconds between the loss of the device and the loss that the broker is to see: a will delay that the broker lacks. */
  readonly lossDelaySeconds: number;
  /** Present when the broker would keep for ever what the device lets end. */
  readonly sessionEnd?: SessionEnd;
}

/** How a session is ended at a broker by a connection of its own. */
export interface SessionEnd {
  /** A CONNECT, made when it is due; undefined: the device's credentials are not to be sent. It may hold a password. */
  readonly encode: () => Promise<Buffer | undefined>;
  readonly protocol: ProtocolVersion;
  readonly device: UpstreamDevice;
}
