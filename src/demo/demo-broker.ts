/** A PUBLISH that a broker has taken. */
export interface Arrival {
  /** The client ID of the connection that it came by. */
  readonly clientId: string;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
}

export interface DemoBrokerEvents {
  /** A client came, subscribed, unsubscribed or went. */
  readonly onClients: (clientId: string) => void;
  readonly onArrival: (arrival: Arrival) => void;
}

/** What the demo sees of a broker, and has it do. */
export interface DemoBroker {
  /** Of its TLS listener on 127.0.0.1. */
  readonly port: number;
  /** Clients that it serves. */
  readonly servedCount: number;
  /** The client is connected and subscribed to something; a connection that stands by for a rollback is not. */
  serves(clientId: string): boolean;
  /** Sends an application message at QoS 1 to whoever subscribed. */
  publish(topic: string, text: string): void;
  stop(): Promise<void>;
}
