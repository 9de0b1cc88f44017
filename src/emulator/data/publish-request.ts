import type { FastifyRequest } from 'fastify';
import {
  binaryProperty,
  pairProperty,
  propertyId,
  type RawProperty,
  uint8Property,
  utf8Property,
} from '../../mqtt/properties.ts';
import { topicNameFault } from '../../mqtt/topic.ts';
import { type ApplicationMessage, messageExpiry } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { type DataApiFault, dataApiFault } from './data-api-fault.ts';
import { isReserved, publishTopicFault } from './topic-rules.ts';

/** The message that a request of the HTTPS API asks to be published. */
export function readPublish(
  topic: string,
  query: URLSearchParams,
  request: Pick<FastifyRequest, 'body' | 'headers'>,
  { terms, nowMs }: { readonly terms: BrokerTerms; nowMs(): number },
): ApplicationMessage | DataApiFault {
  const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const retain = query.get('retain')?.toLowerCase() === 'true';
  const fault = topicNameFault(topic) ?? publishTopicFault(topic, terms.profile);
  if (fault !== undefined || (retain && isReserved(topic))) {
    return dataApiFault('InvalidRequestException', `${topic} may not be published to: ${fault ?? 'reserved-topic'}`);
  }
  if (payload.length > terms.profile.maxPayloadBytes) {
    return dataApiFault('RequestEntityTooLargeException', `Expected ${terms.profile.maxPayloadBytes} bytes at most`);
  }
  const qos = query.get('qos') ?? '0';
  if (qos !== '0' && qos !== '1') return dataApiFault('InvalidRequestException', `Expected qos 0 or 1, got ${qos}`);
  const expiry = query.get('messageExpiry');
  const properties = readProperties(query, request.headers);
  if ('exception' in properties) return properties;
  return {
    topic,
    payload,
    qos: qos === '1' ? 1 : 0,
    retain,
    properties: properties.list,
    expiresAtMs: messageExpiry(expiry === null ? undefined : Number(expiry) || 0, nowMs()),
  };
}

type Headers = FastifyRequest['headers'];

function readProperties(query: URLSearchParams, headers: Headers): { readonly list: RawProperty[] } | DataApiFault {
  const list: RawProperty[] = [];
  const format = headers['x-amz-mqtt5-payload-format-indicator'];
  if (format !== undefined) list.push(uint8Property(propertyId.payloadFormatIndicator, format === 'UTF8_DATA' ? 1 : 0));
  const contentType = query.get('contentType');
  if (contentType !== null) list.push(utf8Property(propertyId.contentType, contentType));
  const responseTopic = query.get('responseTopic');
  if (responseTopic !== null) {
    const fault = topicNameFault(responseTopic);
    if (fault !== undefined) return dataApiFault('InvalidRequestException', `The response topic: ${fault}`);
    list.push(utf8Property(propertyId.responseTopic, responseTopic));
  }
  const correlation = headers['x-amz-mqtt5-correlation-data'];
  if (typeof correlation === 'string') {
    list.push(binaryProperty(propertyId.correlationData, Buffer.from(correlation, 'base64')));
  }
  const pairs = readUserProperties(headers['x-amz-mqtt5-user-properties']);
  if (pairs === undefined) {
    return dataApiFault('InvalidRequestException', 'Expected user properties as a JSON array in base64');
  }
  list.push(...pairs);
  return { list };
}

/** Base64 of a JSON array of objects: `[{"name":"value"}]`. Undefined: it is something else. */
function readUserProperties(header: string | readonly string[] | undefined): RawProperty[] | undefined {
  if (header === undefined) return [];
  let list: unknown;
  try {
    list = JSON.parse(Buffer.from(String(header), 'base64').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  const properties: RawProperty[] = [];
  for (const item of list) {
    if (typeof item !== 'object' || item === null) return undefined;
    for (const [name, value] of Object.entries(item)) {
      properties.push(pairProperty(propertyId.userProperty, name, String(value)));
    }
  }
  return properties;
}
