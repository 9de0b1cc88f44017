import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { reasonCode } from '../mqtt/reason-code.ts';
import { type BrokerAnswer, connectOutcome } from './broker-answer.ts';
import type { ContactedDevice, FirstContacts } from './first-contacts.ts';
import type { UpstreamConnection } from './upstream-connector.ts';

/**
 * What an answer to a CONNECT, or the want of one, says of the device's identity at a broker that may not know it.
 * `closed`: without CONNACK. `refused`: by CONNACK. Undefined: nothing that would keep the device from it.
 */
export type ContactVerdict = 'closed' | 'refused' | undefined;

/** CONNACK 5 of 3.1.1 and "not authorized" of MQTT 5. */
const notAuthorized = 0x05;

/** Tells whom it concerns what came of a CONNECT: the endpoint, and where the broker has such, the device's identity. */
export function reportAnswer(
  connection: Pick<UpstreamConnection, 'reportOutcome'>,
  {
    answer,
    protocol,
    ...contacted
  }: ContactedDevice & { readonly answer: BrokerAnswer; readonly protocol: ProtocolVersion },
  contacts: FirstContacts,
): ContactVerdict {
  const isWatched = contacts.termsOf(contacted.broker) !== undefined;
  const isClosed = answer.kind === 'failed' && answer.reason === 'closed';
  const saysNothing = isClosed && isWatched && !contacts.isAccepted(contacted);
  connection.reportOutcome(saysNothing ? 'turned-away' : connectOutcome(answer));
  if (!isWatched) return undefined;
  if (isClosed) {
    contacts.noteClosed(contacted);
    return 'closed';
  }
  if (answer.kind !== 'connack') return undefined;
  const { code } = answer.connack;
  if (code === 0) contacts.noteAccepted(contacted);
  if (code !== (protocol === '5' ? reasonCode.notAuthorized : notAuthorized)) return undefined;
  contacts.noteRefused(contacted);
  return 'refused';
}
