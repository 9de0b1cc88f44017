/**
 * Every bound that the configuration's `limits` section can set, with its default. docs/limits.md lists each with
 * what happens at it, and a test compares the two.
 */
export const limitDefaults = {
  /** Milliseconds from TCP accept to a finished TLS handshake. */
  tlsHandshakeMs: 10_000,
  /** Milliseconds from the handshake (or accept) to a complete first packet. */
  firstPacketMs: 10_000,
  /** Bytes of a CONNECT packet, all of it; a larger one is cut at its declared length. */
  connectPacketBytes: 65_536,
  /** Milliseconds from the complete CONNECT until the device has a CONNACK of a broker or CONNACK 3 / 0x88. */
  brokerAnswerMs: 9_000,
  /** Milliseconds for one TCP and TLS attempt on one endpoint, within brokerAnswerMs. */
  dialMs: 3_000,
  /** Milliseconds an endpoint that failed is tried last. */
  endpointHoldDownMs: 5_000,
  /** Device connections per worker; further ones are closed at accept. */
  connectionsPerWorker: 100_000,
  /**
   * Connections that have not finished TLS and CONNECT, per worker; a quarter of it for one source address. For a further
   * one the slowest makes room when it had a second or more in its stage, else the further one is closed at accept.
   */
  pendingConnectionsPerWorker: 8_192,
  /** Bytes waiting in one direction of one connection before its reader pauses. */
  relayBufferBytes: 65_536,
  /** CONNECTs waiting for a connect token of one broker; further devices get CONNACK 3 / 0x88. */
  connectQueue: 20_000,
  /** Milliseconds a takeover waits for the older leg's worker to confirm its end. */
  takeoverMs: 1_000,
  /** Live sessions that a cutover or rollback closes per second unless --pace says otherwise. */
  reconnectsPerSecond: 500,
  /** Milliseconds that a device is kept without a broker before the broker's `onDown` decides. */
  repairMs: 30_000,
  /** Milliseconds that an orderly close of a live session waits for unacknowledged packets. */
  quiesceMs: 1_000,
  /** Milliseconds from SIGTERM until connections that remain are closed. */
  drainMs: 30_000,
  /** Milliseconds between rotations of session ticket keys. */
  ticketRotationMs: 12 * 3_600_000,
  /** Entries of the per-move list of refused sessions. */
  moveRefusedListed: 1_000,
  /** Milliseconds that a move which goes on after a restart waits for the devices that it had before it may be done. */
  moveReturnMs: 60_000,
  /** Bytes of an admin API request body. */
  adminBodyBytes: 16 * 1_048_576,
  /** Upstream TLS sessions kept for resumption per worker. */
  upstreamTlsSessions: 10_000,
  /** Minted certificates of devices kept per broker and worker. */
  deviceCertificates: 10_000,
  /** TLS contexts of devices kept per broker and worker, beside those of open connections. */
  deviceContexts: 1_000,
  /** Events kept for late readers of /v1/events. */
  eventBacklog: 256,
  /** Devices that the assessment lists, all cohorts together; further ones are only counted. */
  assessedDevices: 20_000_000,
  /** DNS connections over TCP per worker; for a further one the longest silent is closed. */
  dnsTcpConnections: 4_096,
  /** Of one client address (IPv6: one /64); for a further one its own longest silent is closed. */
  dnsTcpConnectionsPerClient: 256,
  /** Milliseconds that a DNS connection may be silent, or its client not read. */
  dnsTcpIdleMs: 10_000,
  /** Milliseconds from the first octet of a DNS message over TCP to its last. */
  dnsTcpMessageMs: 10_000,
  /** DNS answers kept ready per worker. */
  dnsImages: 50_000,
  /** Bytes a second that a network (IPv4 /24, IPv6 /56) gets over UDP whatever it sends; above it no more than it sent. */
  dnsFreeBytes: 16_384,
  /** Times a second that a network gets the same answer over UDP. */
  dnsSameAnswers: 100,
  /** DNSSEC signatures a second that a worker makes for each kind of name that is not in the zone file; for devices four times as many. */
  dnsSignaturesPerSecond: 500,
  /** Milliseconds between two looks at an alias, at least and at most; between them its TTL decides. */
  aliasRefreshMinMs: 5_000,
  aliasRefreshMaxMs: 300_000,
  /** Days that a device stays on its source after it was last seen doing what the target cannot carry. */
  obstacleDays: 30,
} as const;

export type LimitName = keyof typeof limitDefaults;
export type Limits = Readonly<Record<LimitName, number>>;
