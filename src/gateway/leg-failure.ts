import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { reasonCode } from '../mqtt/reason-code.ts';

/** Why a live session has no further connection. */
export interface LegFailure {
  /**
   * `refused`: CONNACK said no, for good where `isLasting`. `obstacle`, `credentials`: the broker was not asked, because it
   * could not take the CONNECT. `turned-away`: it closed at CONNECT, as one does that does not know the device yet. The
   * others may be over in a moment.
   */
  readonly kind:
    | 'refused'
    | 'obstacle'
    | 'credentials'
    | 'turned-away'
    | 'rate'
    | 'unreachable'
    | 'timeout'
    | 'aborted';
  /** Asking again would be answered the same. */
  readonly isLasting: boolean;
  readonly message: string;
}

/** CONNACK 1, 2, 4 and 5 of 3.1.1 (table 3.1): another try changes nothing. */
const lastingCodes = new Set([0x01, 0x02, 0x04, 0x05]);

const lastingReasons = new Set<number>([
  reasonCode.malformedPacket,
  reasonCode.protocolError,
  reasonCode.unsupportedProtocolVersion,
  reasonCode.clientIdentifierNotValid,
  reasonCode.badUserNameOrPassword,
  reasonCode.notAuthorized,
  reasonCode.banned,
  reasonCode.badAuthenticationMethod,
  reasonCode.topicNameInvalid,
  reasonCode.packetTooLarge,
  reasonCode.payloadFormatInvalid,
  reasonCode.retainNotSupported,
  reasonCode.qosNotSupported,
]);

/** A CONNACK other than 0, in the version that was spoken. */
export function refusalOf(code: number, protocol: ProtocolVersion): LegFailure {
  const isLasting = (protocol === '5' ? lastingReasons : lastingCodes).has(code);
  return { kind: 'refused', isLasting, message: `CONNACK 0x${code.toString(16).padStart(2, '0')}` };
}

/** Nobody answered. */
export function unreachable(code: string, message: string): LegFailure {
  if (code === 'rate') return { kind: 'rate', isLasting: false, message };
  if (code === 'aborted') return { kind: 'aborted', isLasting: false, message };
  return { kind: code === 'timeout' ? 'timeout' : 'unreachable', isLasting: false, message };
}
