import { randomUUID } from 'node:crypto';
import { reasonCode } from '../../mqtt/reason-code.ts';
import { type ApplicationMessage, userPropertiesOf } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import type { KnownConnection } from './connection-document.ts';
import type { IotBroker } from './iot-broker.ts';
import type { RetainedMessage } from './retained-messages.ts';

/** What became of a message to one client. */
export type DirectOutcome = 'sent' | 'not-connected' | 'denied' | 'throttled' | 'unconfirmed';

/** For how long a lost connection is told of (AWS: 30 minutes). */
const pastMs = 1_800_000;

/** What the HTTPS data API asks of the message broker. */
export class ConnectionDesk {
  readonly #broker: IotBroker;
  readonly nowMs: () => number;

  constructor(broker: IotBroker, nowMs: () => number) {
    this.#broker = broker;
    this.nowMs = nowMs;
  }

  get terms(): BrokerTerms {
    return this.#broker.terms;
  }

  newId(): string {
    return randomUUID();
  }

  connection(clientId: string): KnownConnection | undefined {
    const live = this.#broker.live(clientId);
    const session = this.#broker.sessions.get(clientId);
    const past = this.#broker.ledger.past(clientId);
    const isRecent = past !== undefined && this.nowMs() - past.disconnectedSinceMs < pastMs;
    if (live === undefined && session === undefined && !isRecent) return undefined;
    return { clientId, live, session, past: isRecent ? past : undefined };
  }

  /** False: there is neither a connection nor a session. */
  deleteConnection(
    clientId: string,
    { cleanSession, preventWill }: { readonly cleanSession: boolean; readonly preventWill: boolean },
  ): boolean {
    const live = this.#broker.live(clientId);
    const session = this.#broker.sessions.get(clientId);
    const code = reasonCode.administrativeAction;
    live?.client.end({ disconnectReason: 'API_INITIATED_DISCONNECT', publishesWill: !preventWill, code }, this.nowMs());
    if (cleanSession && session !== undefined) this.#broker.sessions.end(session);
    return live !== undefined || session !== undefined;
  }

  /** False: it could not be retained. */
  publishMessage(message: ApplicationMessage): boolean {
    return this.#broker.publish(message, this.nowMs());
  }

  /** At QoS 1 it waits for the client's PUBACK, `timeoutMs` at most. */
  sendDirectly(clientId: string, message: ApplicationMessage, timeoutMs: number): Promise<DirectOutcome> {
    const live = this.#broker.live(clientId);
    if (live === undefined) return Promise.resolve('not-connected');
    const { identity, delivery } = live.client;
    if (!identity.allows('iot:Receive', message.topic)) return Promise.resolve('denied');
    if (message.qos === 0) {
      return Promise.resolve(delivery.deliverDirectly(message, this.nowMs()) ? 'sent' : 'throttled');
    }
    return new Promise((resolve) => {
      const cancel = this.#broker.agenda.at(this.nowMs() + timeoutMs, () => resolve('unconfirmed'));
      const isSent = delivery.deliverDirectly(message, this.nowMs(), () => {
        cancel();
        resolve('sent');
      });
      if (isSent) return;
      cancel();
      resolve('throttled');
    });
  }

  retainedMessage(topic: string): RetainedMessage | undefined {
    return this.#broker.retainedMessages.get(topic, this.nowMs());
  }

  retainedMessages(): RetainedMessage[] {
    return this.#broker.retainedMessages.list(this.nowMs());
  }

  /** GetRetainedMessage's answer. */
  retainedDocument({ message, lastModifiedMs }: RetainedMessage): object {
    const userProperties = userPropertiesOf(message.properties).map(([name, value]) => ({ [name]: value }));
    const text = JSON.stringify(userProperties);
    return {
      topic: message.topic,
      payload: message.payload.toString('base64'),
      qos: message.qos,
      lastModifiedTime: Math.floor(lastModifiedMs),
      ...(userProperties.length === 0 ? {} : { userProperties: Buffer.from(text).toString('base64') }),
    };
  }
}
