import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';

/** MQTT control packet types by number (MQTT 5 section 2.1.2); index 0 is what no specification names. */
export const packetTypeNames = [
  'reserved',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
] as const;

/**
 * Packets by type number, counted on the hot path: `fromDevice[3]++` for a PUBLISH that a device sent.
 * They become `crossfade_packets_total{direction,type}` only when somebody scrapes.
 */
export interface PacketCounts {
  readonly fromDevice: Float64Array;
  readonly fromBroker: Float64Array;
}

/** The contract's metrics (contract section 4); one instance per process, added up by the control process. */
export interface Metrics {
  readonly registry: Registry;
  readonly packets: PacketCounts;
  readonly sessions: Gauge<'broker' | 'cohort'>;
  readonly connects: Counter<'broker' | 'result'>;
  readonly connections: Gauge<'listener'>;
  readonly connectionsRefused: Counter<'listener' | 'reason'>;
  readonly messagesDropped: Counter<'reason'>;
  readonly adaptations: Counter<'kind'>;
  readonly handovers: Counter<'result'>;
  readonly handoverSeconds: Histogram;
  readonly handoverDuplicates: Counter;
  readonly secondLegs: Gauge<'broker' | 'cohort' | 'use'>;
  readonly repairs: Counter<'result'>;
  readonly firstContacts: Counter<'broker' | 'result'>;
  readonly registrations: Counter<'broker' | 'result'>;
  readonly unregisteredSessions: Gauge<'broker' | 'cohort'>;
  readonly takeovers: Counter;
  readonly devicesHeldBack: Gauge<'cohort'>;
  readonly tlsHandshakes: Counter<'version' | 'resumed' | 'result'>;
  readonly clientCertificatesRefused: Counter<'reason'>;
  readonly certificateExpiry: Gauge<'use'>;
  readonly clientIdPolicyViolations: Counter<'policy'>;
  readonly dnsQueries: Counter<'qtype' | 'rcode'>;
  readonly dnsMessages: Counter<'result'>;
  readonly dnsSignaturesRefused: Counter<'kind'>;
  readonly siteHealth: Gauge<'site' | 'health'>;
  readonly siteDrained: Gauge<'site'>;
  readonly aliasResolved: Gauge<'alias'>;
  readonly zoneSerial: Gauge<'zone'>;
  readonly zoneRefused: Gauge<'zone'>;
  readonly planRevision: Gauge;
  readonly bytesRelayed: Counter<'direction'>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter<Label>({ name, help, labelNames: [...labelNames], registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge<Label>({ name, help, labelNames: [...labelNames], registers });
  const packets: PacketCounts = { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) };
  registerPacketCounter(registry, packets);
  return {
    registry,
    packets,
    sessions: new Gauge({
      name: 'crossfade_sessions',
      help: 'Live device sessions by the broker that holds them and their cohort',
      labelNames: ['broker', 'cohort'],
      registers,
    }),
    connects: counter('crossfade_connects_total', 'CONNECTs sent to a broker, by outcome', ['broker', 'result']),
    connections: new Gauge({
      name: 'crossfade_connections',
      help: 'Open device connections, sessions or not',
      labelNames: ['listener'],
      registers,
    }),
    connectionsRefused: counter(
      'crossfade_connections_refused_total',
      'Device connections ended before a broker was asked',
      ['listener', 'reason'],
    ),
    messagesDropped: counter('crossfade_messages_dropped_total', 'Application messages not carried on, by reason', [
      'reason',
    ]),
    adaptations: counter('crossfade_adaptations_total', 'Times something was adapted for a broker, by kind', ['kind']),
    handovers: counter('crossfade_handovers_total', 'Live handovers, by result', ['result']),
    handoverSeconds: new Histogram({
      name: 'crossfade_handover_seconds',
      help: 'Seconds from the start of a live handover to its end',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    handoverDuplicates: counter(
      'crossfade_handover_duplicates_total',
      'Messages that both brokers delivered to a device while it changed its broker',
      [],
    ),
    secondLegs: new Gauge({
      name: 'crossfade_second_legs',
      help: 'Second legs of live sessions, by their broker: under-way, prepared for a weight to come, warm for the way back',
      labelNames: ['broker', 'cohort', 'use'],
      registers,
    }),
    repairs: counter('crossfade_repairs_total', 'Live sessions that lost their broker, by what became of them', [
      'result',
    ]),
    firstContacts: counter(
      'crossfade_first_contacts_total',
      'CONNECTs in the name of devices that a broker was not known to accept, by what became of them',
      ['broker', 'result'],
    ),
    registrations: counter(
      'crossfade_registrations_total',
      'Devices that a broker was told of at their first contact, by its answer',
      ['broker', 'result'],
    ),
    unregisteredSessions: gauge(
      'crossfade_unregistered_sessions',
      'Live sessions that wait on their source because the broker that the plan wants does not know them yet',
      ['broker', 'cohort'],
    ),
    takeovers: counter('crossfade_takeovers_total', 'Connections ended because the same client ID connected again', []),
    devicesHeldBack: new Gauge({
      name: 'crossfade_devices_held_back',
      help: 'Devices known to do what the target of their cohort cannot carry',
      labelNames: ['cohort'],
      registers,
    }),
    tlsHandshakes: counter('crossfade_tls_handshakes_total', 'TLS handshakes of devices', [
      'version',
      'resumed',
      'result',
    ]),
    clientCertificatesRefused: counter(
      'crossfade_client_certificates_refused_total',
      'Client certificates refused, or with observe: that would have been',
      ['reason'],
    ),
    certificateExpiry: new Gauge({
      name: 'crossfade_certificate_expiry_timestamp_seconds',
      help: 'When a certificate ends or a CRL passes its next update, in seconds since the Unix epoch',
      labelNames: ['use'],
      aggregator: 'min',
      registers,
    }),
    clientIdPolicyViolations: counter(
      'crossfade_client_id_policy_violations_total',
      'CONNECTs whose client ID is not bound to the certificate, let in or refused as fleet.clientIdPolicy says',
      ['policy'],
    ),
    dnsQueries: counter('crossfade_dns_queries_total', 'DNS queries answered', ['qtype', 'rcode']),
    dnsMessages: counter('crossfade_dns_messages_total', 'DNS queries, by what became of them', ['result']),
    dnsSignaturesRefused: counter(
      'crossfade_dns_signatures_refused_total',
      'Signatures beyond the budget, by the kind of name: the answer was SERVFAIL',
      ['kind'],
    ),
    siteHealth: gauge('crossfade_site_health', '1 for the health that a site is answered by', ['site', 'health']),
    siteDrained: gauge('crossfade_site_drained', '1 while an operator lets nobody new go to a site', ['site']),
    aliasResolved: gauge(
      'crossfade_alias_resolved_timestamp_seconds',
      'When an alias was last resolved, in seconds since the Unix epoch; 0: not since the start',
      ['alias'],
    ),
    zoneSerial: gauge('crossfade_zone_serial', 'The serial of a zone as it is served', ['zone']),
    zoneRefused: gauge(
      'crossfade_zone_refused',
      '1 while the files of a zone have mistakes and it is served as before',
      ['zone'],
    ),
    planRevision: new Gauge({
      name: 'crossfade_plan_revision',
      help: 'The plan revision in force; the lowest of all processes',
      aggregator: 'min',
      registers,
    }),
    bytesRelayed: counter('crossfade_relayed_bytes_total', 'Bytes relayed', ['direction']),
  };
}

function registerPacketCounter(registry: Registry, packets: PacketCounts): void {
  const counter = new Counter<'direction' | 'type'>({
    name: 'crossfade_packets_total',
    help: 'MQTT control packets relayed, by direction and type',
    labelNames: ['direction', 'type'],
    registers: [registry],
    collect() {
      this.reset();
      for (const direction of ['fromDevice', 'fromBroker'] as const) {
        packets[direction].forEach((count, type) => {
          if (count > 0) {
            const labels = {
              direction: direction === 'fromDevice' ? 'from_device' : 'from_broker',
              type: packetTypeNames[type] ?? 'reserved',
            };
            this.inc(labels, count);
          }
        });
      }
    },
  });
  void counter;
}
