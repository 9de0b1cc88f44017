import { encodeConnect } from '../mqtt/connect-encoding.ts';

/** A CONNECT of MQTT 3.1.1 for a clean session without a client ID: it takes over nobody's and leaves nothing behind. */
export function mqttQuestion(): Buffer {
  return encodeConnect({
    protocol: '3.1.1',
    bridge: false,
    clientId: '',
    cleanStart: true,
    keepAliveSeconds: 10,
    properties: [],
  });
}

/** CONNACK of MQTT 3.1.1: packet type, Remaining Length, flags, return code. */
const connackBytes = 4;
const connackHeader = 0x20;
/** [MQTT 3.1.1 section 3.2.2.3] 0x03: the service is there and unavailable. */
const unavailable = 3;
const highestReturnCode = 5;

/**
 * What the beginning of an answer says; undefined: not enough yet. A refusal of this client (its ID, its missing
 * credentials) comes from a gateway that works.
 */
export function judgeMqttAnswer(
  received: Uint8Array,
): { readonly outcome: 'good' | 'failed'; readonly detail: string } | undefined {
  const [type, length, flags = 0, code = 0] = received;
  if (type === undefined) return undefined;
  if (type !== connackHeader || (length ?? 2) !== 2 || flags > 1) {
    return { outcome: 'failed', detail: 'answered something other than CONNACK' };
  }
  if (received.length < connackBytes) return undefined;
  if (code > highestReturnCode) return { outcome: 'failed', detail: `CONNACK with return code ${code}` };
  if (code === unavailable) return { outcome: 'failed', detail: 'CONNACK 3: server unavailable' };
  return { outcome: 'good', detail: '' };
}
