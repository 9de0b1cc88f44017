/**
 * What Mosquitto 2.0.11 does not do, by the name of the check. The gateway hands on what it is given: behind it these may
 * hold, where it is stricter itself, and need not.
 */
export const mosquittoDeviates: ReadonlyMap<string, string> = new Map([
  ['[MQTT-3.1.4-3] a take-over ends the older connection, with 0x8E', 'closes without a DISCONNECT'],
  ['[MQTT-2.1.3-1] PINGREQ with reserved flags ends the connection', 'does not look at the flags'],
  [
    '[§3.1.3.2.2] a will with a delay is due at once where the session ends with the connection',
    'throws the will away with the session',
  ],
  [
    '[MQTT-3.1.2-25] what is left out counts as delivered: it does not use up the Receive Maximum',
    'never gets the quota back',
  ],
  ['[MQTT-3.3.2-14] a Response Topic with wildcards ends the connection', 'does not look at the topic'],
  ['[MQTT-3.3.4-6] a Subscription Identifier in a client’s PUBLISH ends the connection', 'takes no notice of it'],
  ['[MQTT-3.8.3-4] No Local on a shared subscription ends the connection', 'grants it'],
  ['[MQTT-4.8.2-1] a shared subscription without a share name or filter is not granted', 'grants $share//a'],
  ['[§3.3.1.3] a shared subscription gets no retained messages when it is made', 'sends them to each member'],
]);

const noFields =
  'the PUBLISH of MQTT 3.1.1 has a topic name, an identifier and a payload, and no field for it (3.1.1 §3.3.2)';
const noWillFields =
  'the CONNECT of MQTT 3.1.1 has a topic, a payload, QoS and RETAIN for a will, and no more (3.1.1 §3.1.3)';

/**
 * What cannot hold through a broker that is spoken to in MQTT 3.1.1, with the clause that makes it impossible. Everything
 * else must hold.
 */
export const impossibleOn311: ReadonlyMap<string, string> = new Map([
  ['[MQTT-3.3.2-4] Payload Format Indicator is handed on', noFields],
  ['[MQTT-3.3.2-15] Response Topic is handed on unaltered', noFields],
  ['[MQTT-3.3.2-16] Correlation Data is handed on unaltered', noFields],
  ['[MQTT-3.3.2-17] User Properties are handed on unaltered', noFields],
  ['[MQTT-3.3.2-18] User Properties keep their order, also of equal names', noFields],
  ['[MQTT-3.3.2-20] Content Type is handed on unaltered', noFields],
  ['[MQTT-3.3.2-15] retained messages keep their properties', noFields],
  ['[MQTT-3.3.2-5] a message that expired before it was delivered is not', noFields],
  ['[MQTT-3.3.2-6] Message Expiry Interval comes less the time that the message waited', noFields],
  ['[§3.1.3.2] the properties of a will are its message’s', noWillFields],
  ['[MQTT-3.1.3-10] the user properties of a will keep their order', noWillFields],
  [
    '[MQTT-3.3.1-13] with Retain As Published a live message keeps its RETAIN',
    'a broker of MQTT 3.1.1 must clear RETAIN toward an established subscription [MQTT-3.3.1-9]',
  ],
]);

/** What Mosquitto 2.0.11 does not do for a client of MQTT 3.1.1, though 3.1.1 asks for it too. */
export const mosquittoDeviatesOn311: ReadonlyMap<string, string> = new Map([
  [
    '[MQTT-3.3.4-2] overlapping filters deliver at the highest granted QoS',
    'delivers one copy, at the QoS of the filter that it found first, against [MQTT-3.3.5-1] of 3.1.1',
  ],
]);
