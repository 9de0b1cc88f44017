/** What the data plane asks of the account, and what the account asks of the data plane. Neither knows the other. */

/** One TLS connection, as far as it decides by which rules a CONNECT is judged. */
export interface ArrivedConnection {
  /** Which of the two data ports: 8883 or 443 of the real service. */
  readonly port: 'mqtts' | 'alpn';
  readonly serverName: string | undefined;
  /** The protocol that was agreed by ALPN. */
  readonly alpn: string | undefined;
  readonly sourceAddress: string;
  /** As agreed in the handshake; absent: not known. */
  readonly tlsVersion?: string;
  /** For GetConnection: the rest of both ends' addresses; absent: not known. */
  readonly ends?: { readonly sourcePort: number; readonly targetAddress: string; readonly targetPort: number };
  /** DER, the leaf first; empty: the client showed none. */
  readonly certificates: readonly Buffer[];
}

export interface ConnectQuestion {
  readonly connection: ArrivedConnection;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  /** `iot:ConnectAttributes`. */
  readonly persistent: boolean;
  readonly will: { readonly topic: string; readonly retain: boolean } | undefined;
  /** Whole milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

/** The actions of a policy that concern a message or a filter. */
export type TopicAction = 'iot:Publish' | 'iot:RetainPublish' | 'iot:Receive' | 'iot:Subscribe';

/** A client that may connect, for as long as its connection lives. Asked anew per packet, so a changed policy counts at once. */
export interface AdmittedClient {
  /** The certificate ID; of a custom authorizer its `principalId`. */
  readonly principalId: string;
  /** Only with an exclusive association, or where the client ID is the name of a thing with this certificate. */
  thingName(): string | undefined;
  /** `name` is a topic name for publish and receive, a filter (without `$share/name/`) for subscribe. */
  allows(action: TopicAction, name: string): boolean;
  /** Message enrichment: user properties that the client's messages get. */
  propagatedAttributes(): readonly (readonly [name: string, value: string])[];
  /** Milliseconds since the Unix epoch at which the authorizer's word ends. */
  readonly endsAtWallMs?: number;
}

export type Admission =
  | { readonly admitted: true; readonly client: AdmittedClient }
  /**
   * `unknown-certificate`, `pending` and `not-active` close without CONNACK. `not-authorized` closes without CONNACK
   * for MQTT 3.1.1, is 0x87 for MQTT 5, and is told as `connect_failed`. `bad-credentials` is the custom authorizer's.
   */
  | {
      readonly admitted: false;
      readonly why: 'unknown-certificate' | 'pending' | 'not-active' | 'not-authorized' | 'bad-credentials';
      readonly principalId: string | undefined;
    };

/** The account as the data plane sees it. */
export interface AccountGate {
  /** Whether a TLS handshake may end: the endpoint or domain configuration that SNI, port and ALPN name serves MQTT. */
  accepts(connection: ArrivedConnection): boolean;
  /** The identity at CONNECT. Registers just in time: the certificate is PENDING_ACTIVATION and the answer `pending`. */
  admit(question: ConnectQuestion): Promise<Admission>;
}

/** A message that the message broker accepted, as rules see it. */
export interface AcceptedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** `undefined` where the service itself or the HTTPS API published. */
  readonly clientId: string | undefined;
  readonly principalId: string | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /** Whole milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

/** What the data plane does for the account and its rules. */
export interface MessageBroker {
  /** Publishes as the service: no policy, `$aws/` topics allowed. */
  publish(message: {
    readonly topic: string;
    readonly payload: Buffer;
    readonly qos: 0 | 1;
    readonly retain?: boolean;
    readonly userProperties?: readonly (readonly [name: string, value: string])[];
  }): void;
  /** Calls the listener with every accepted message, `$aws/rules/NAME/…` included; retained or not. */
  onAccepted(listener: (message: AcceptedMessage) => void): void;
  /** Ends every connection of a principal: its certificate is no longer ACTIVE. */
  disconnectPrincipal(principalId: string): void;
}
