import type { IConnackPacket, IConnectPacket } from 'mqtt-packet';
import { type BrokerLimits, clampKeepAlive, type RuleBreach, topicNameBreach } from './limited-broker-limits.ts';
import type { LimitedSession } from './limited-broker-session.ts';

/** `returnCode`: of the CONNACK before MQTT 5; absent: the connection just ends. */
export type ConnectBreach = RuleBreach & { readonly returnCode?: number };

/** What is wrong with a CONNECT. */
export function connectBreach(connect: IConnectPacket, limits: BrokerLimits): ConnectBreach | undefined {
  if (connect.protocolVersion === 3) return { reason: 'mqtt-3.1', returnCode: 1, code: 0x84 };
  if ('bridgeMode' in connect && connect.bridgeMode === true)
    return { reason: 'bridge-bit', returnCode: 1, code: 0x84 };
  if (connect.properties?.authenticationMethod !== undefined) return { reason: 'authentication-method', code: 0x8c };
  return clientIdBreach(connect, limits) ?? willBreach(connect, limits);
}

function clientIdBreach(connect: IConnectPacket, limits: BrokerLimits): ConnectBreach | undefined {
  const { clientId } = connect;
  // An empty one is only defined for MQTT 5.
  const isEmptyTooEarly = clientId === '' && connect.protocolVersion !== 5;
  const isWrong = isEmptyTooEarly || clientId.startsWith('$') || Buffer.byteLength(clientId) > limits.clientIdBytes;
  return isWrong ? { reason: 'bad-client-id', returnCode: 2, code: 0x85 } : undefined;
}

function willBreach({ will }: IConnectPacket, limits: BrokerLimits): ConnectBreach | undefined {
  if (will === undefined) return undefined;
  if (will.qos === 2) return { reason: 'will-qos2', code: 0x9b };
  if (will.payload.length > limits.payloadBytes) return { reason: 'will-too-large', code: 0x95 };
  return topicNameBreach(will.topic, limits) === undefined ? undefined : { reason: 'will-topic', code: 0x90 };
}

/** What AWS tells an MQTT 5 client; values that it took as asked for are left out. */
export function connackProperties(
  connect: IConnectPacket,
  { session, limits }: { readonly session: LimitedSession; readonly limits: BrokerLimits },
): NonNullable<IConnackPacket['properties']> {
  const asked = connect.properties?.sessionExpiryInterval ?? 0;
  const keepAlive = clampKeepAlive(connect.keepalive ?? 0);
  return {
    ...(session.expirySeconds === asked ? {} : { sessionExpiryInterval: session.expirySeconds }),
    ...(connect.clientId === '' ? { assignedClientIdentifier: session.clientId } : {}),
    ...(keepAlive === connect.keepalive ? {} : { serverKeepAlive: keepAlive }),
    receiveMaximum: limits.inflight,
    topicAliasMaximum: limits.topicAliases,
    maximumQoS: 1,
    retainAvailable: true,
    maximumPacketSize: limits.packetBytes,
    wildcardSubscriptionAvailable: true,
    subscriptionIdentifiersAvailable: false,
    sharedSubscriptionAvailable: true,
  };
}
