import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { queryOf } from '../request-query.ts';
import type { ConnectionDesk } from './connection-desk.ts';
import { connectionDocument, subscriptionDocuments } from './connection-document.ts';
import { type DataApiFault, dataApiFault } from './data-api-fault.ts';
import { readPublish } from './publish-request.ts';
import { pageOf } from './result-page.ts';

/**
 * Adds the routes of the data API to a server that gives bodies as a Buffer. Signatures are not verified: whoever reaches
 * the port may do everything.
 */
export function dataApiRoutes(app: FastifyInstance, desk: ConnectionDesk): void {
  app.route({ method: 'DELETE', url: '/connections/:clientId', handler: deleteConnection });
  app.route({ method: 'GET', url: '/connections/:clientId', handler: readConnection });
  app.route({ method: 'GET', url: '/connections/:clientId/subscriptions', handler: listSubscriptions });
  app.route({ method: 'POST', url: '/connections/:clientId/messages', handler: sendDirectMessage });
  app.route({ method: 'POST', url: '/topics/*', handler: publish });
  app.route({ method: 'GET', url: '/retainedMessage', handler: listRetained });
  app.route({ method: 'GET', url: '/retainedMessage/*', handler: readRetained });

  async function deleteConnection(request: FastifyRequest, reply: FastifyReply) {
    const clientId = clientIdOf(request);
    if (typeof clientId !== 'string') return sendFault(reply, clientId);
    const query = queryOf(request.url);
    const cleanSession = isTrue(query.get('cleanSession'));
    const preventWill = isTrue(query.get('preventWillMessage'));
    if (!desk.deleteConnection(clientId, { cleanSession, preventWill }))
      return sendFault(reply, noSuchClient(clientId));
    return reply.code(200).send();
  }

  async function readConnection(request: FastifyRequest, reply: FastifyReply) {
    const clientId = clientIdOf(request);
    if (typeof clientId !== 'string') return sendFault(reply, clientId);
    const found = desk.connection(clientId);
    if (found === undefined) return sendFault(reply, noSuchClient(clientId));
    const includeSocket = isTrue(queryOf(request.url).get('includeSocketInformation'));
    return sendDocument(reply, connectionDocument(found, { includeSocket }));
  }

  async function listSubscriptions(request: FastifyRequest, reply: FastifyReply) {
    const clientId = clientIdOf(request);
    if (typeof clientId !== 'string') return sendFault(reply, clientId);
    const found = desk.connection(clientId);
    if (found?.session === undefined) return sendFault(reply, noSuchClient(clientId));
    const page = pageOf(subscriptionDocuments(found.session), queryOf(request.url), 20);
    if (page === undefined) return sendFault(reply, badPage);
    const { items, nextToken } = page;
    return sendDocument(reply, { subscriptions: items, ...(nextToken === undefined ? {} : { nextToken }) });
  }

  async function sendDirectMessage(request: FastifyRequest, reply: FastifyReply) {
    const clientId = clientIdOf(request);
    if (typeof clientId !== 'string') return sendFault(reply, clientId);
    const query = queryOf(request.url);
    const topic = query.get('topic') ?? '';
    const confirmation = isTrue(query.get('confirmation'));
    const message = readPublish(topic, query, request, desk);
    if ('exception' in message) return sendFault(reply, message);
    const timeoutSeconds = Math.min(maxTimeoutSeconds, Math.max(1, Number(query.get('timeout') ?? '5') || 5));
    const outcome = await desk.sendDirectly(
      clientId,
      { ...message, qos: confirmation ? 1 : 0, retain: false },
      confirmation ? timeoutSeconds * 1_000 : 0,
    );
    return outcome === 'sent' ? sendOk(reply, desk) : sendFault(reply, directFaults(clientId)[outcome]);
  }

  async function publish(request: FastifyRequest, reply: FastifyReply) {
    const topic = wildcardOf(request);
    const message = readPublish(topic, queryOf(request.url), request, desk);
    if ('exception' in message) return sendFault(reply, message);
    if (!desk.publishMessage(message)) {
      return sendFault(reply, dataApiFault('ThrottlingException', 'There are too many retained messages'));
    }
    return sendOk(reply, desk);
  }

  async function listRetained(request: FastifyRequest, reply: FastifyReply) {
    const summaries = desk.retainedMessages().map(({ message, lastModifiedMs }) => ({
      topic: message.topic,
      payloadSize: message.payload.length,
      qos: message.qos,
      lastModifiedTime: Math.floor(lastModifiedMs),
    }));
    const page = pageOf(summaries, queryOf(request.url), maxResults);
    if (page === undefined) return sendFault(reply, badPage);
    const { items, nextToken } = page;
    return sendDocument(reply, { retainedTopics: items, ...(nextToken === undefined ? {} : { nextToken }) });
  }

  async function readRetained(request: FastifyRequest, reply: FastifyReply) {
    const topic = wildcardOf(request);
    const retained = desk.retainedMessage(topic);
    if (retained === undefined) {
      return sendFault(reply, dataApiFault('ResourceNotFoundException', `No message is retained for ${topic}`));
    }
    return sendDocument(reply, desk.retainedDocument(retained));
  }
}

const maxResults = 200;
const maxTimeoutSeconds = 15;
const badPage = dataApiFault(
  'InvalidRequestException',
  'Expected maxResults from 1 to 200 and a nextToken of this list',
);

function directFaults(clientId: string) {
  return {
    'not-connected': noSuchClient(clientId),
    denied: dataApiFault('ForbiddenException', `The policy of ${clientId} does not allow iot:Receive`),
    throttled: dataApiFault('ThrottlingException', `${clientId} has too many messages that it has not acknowledged`),
    unconfirmed: dataApiFault('GatewayTimeoutException', `${clientId} did not acknowledge in time`),
  } as const;
}

function noSuchClient(clientId: string): DataApiFault {
  return dataApiFault('ResourceNotFoundException', `${clientId} has no connection and no session`);
}

function clientIdOf(request: FastifyRequest): string | DataApiFault {
  const { clientId } = request.params as { readonly clientId: string };
  const isValid = /^[^$]/.test(clientId) && Buffer.byteLength(clientId) <= 128;
  return isValid ? clientId : dataApiFault('InvalidRequestException', 'Expected a client ID of 1 to 128 bytes');
}

/** What stands behind the route's own part of the path, percent-decoded. */
function wildcardOf(request: FastifyRequest): string {
  return (request.params as { readonly '*': string })['*'];
}

function isTrue(text: string | null): boolean {
  return text?.toLowerCase() === 'true';
}

function sendOk(reply: FastifyReply, desk: ConnectionDesk): FastifyReply {
  return sendDocument(reply, { message: 'OK', traceId: desk.newId() });
}

function sendDocument(reply: FastifyReply, document: object): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(document));
}

function sendFault(reply: FastifyReply, { status, exception, message }: DataApiFault): FastifyReply {
  return reply
    .code(status)
    .header('x-amzn-ErrorType', exception)
    .type('application/json')
    .send(JSON.stringify({ message }));
}
