import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { errorMessage, systemErrorCode } from '../base/errors.ts';
import type { ProbeOutcome } from './health-verdict.ts';
import { judgeMqttAnswer, mqttQuestion } from './mqtt-probe.ts';

/** What is tried at an address; all that are given must succeed. */
export interface ProbePorts {
  /** A TCP connection is accepted. */
  readonly tcp?: number;
  /** A TLS handshake is finished; whose certificate it is does not matter. */
  readonly tls?: number;
  /** A CONNECT is answered by a CONNACK that does not say "unavailable"; over TLS where `tls` is the same port. */
  readonly mqtt?: number;
}

export interface ProbeRequest {
  readonly address: string;
  readonly ports: ProbePorts;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
  /** SNI. */
  readonly servername: string;
}

export interface ProbeResult {
  /** `unreachable`: there is no way there from here, which may be the site's trouble or the prober's. */
  readonly outcome: ProbeOutcome | 'unreachable';
  /** For the operator: what failed. Empty when all is good. */
  readonly detail: string;
}

/** The prober's own trouble: nothing is known of the site. */
const ownTroubles = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];
/** No way leads there from here. Whose trouble that is depends on whether a way leads to other sites. */
const noWays = ['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EACCES', 'EPERM'];

/** Tries one address of a site. Never rejects. */
export async function probeSite({ address, ports, timeoutMs, servername }: ProbeRequest): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(timeoutMs);
  const attempts: Promise<ProbeResult>[] = [];
  const { tcp, tls, mqtt } = ports;
  if (tcp !== undefined && tcp !== tls && tcp !== mqtt) attempts.push(attempt('tcp', tcp));
  if (tls !== undefined && tls !== mqtt) attempts.push(attempt('tls', tls));
  if (mqtt !== undefined) attempts.push(attempt('mqtt', mqtt));
  const results = await Promise.all(attempts);
  const worst = (['failed', 'unreachable', 'inconclusive'] as const).map((kind) =>
    results.find(({ outcome }) => outcome === kind),
  );
  return worst.find((result) => result !== undefined) ?? { outcome: 'good', detail: '' };

  function attempt(kind: 'tcp' | 'tls' | 'mqtt', port: number): Promise<ProbeResult> {
    const isTls = kind === 'tls' || (kind === 'mqtt' && port === tls);
    const open = () =>
      isTls
        ? connectTls({ host: address, port, servername, rejectUnauthorized: false })
        : connectTcp({ host: address, port });
    return tryPort(open, { name: `${kind} ${port}`, isTls, isMqtt: kind === 'mqtt', signal, timeoutMs });
  }
}

export function outcomeOfError(error: Error): ProbeResult['outcome'] {
  const code = systemErrorCode(error) ?? '';
  if (ownTroubles.includes(code)) return 'inconclusive';
  return noWays.includes(code) ? 'unreachable' : 'failed';
}

interface PortAttempt {
  readonly name: string;
  readonly isTls: boolean;
  readonly isMqtt: boolean;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

function tryPort(open: () => Socket, { name, isTls, isMqtt, signal, timeoutMs }: PortAttempt): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = open();
    const settle = (outcome: ProbeResult['outcome'], detail = '') => {
      signal.removeEventListener('abort', handleTimeout);
      socket.removeAllListeners('close');
      socket.destroy();
      resolve({ outcome, detail: detail === '' ? '' : `${name}: ${detail}` });
    };
    const handleTimeout = () => settle('failed', `no answer within ${timeoutMs} ms`);
    signal.addEventListener('abort', handleTimeout);
    socket.on('error', (error) => {
      settle(outcomeOfError(error), errorMessage(error).trim());
    });
    socket.once('close', () => settle('failed', 'closed before it answered'));
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      if (!isMqtt) settle('good');
      else socket.write(mqttQuestion());
    });
    let received: Uint8Array = new Uint8Array(0);
    socket.on('data', (chunk: Buffer) => {
      if (!isMqtt) return;
      received = Buffer.concat([received, chunk]);
      const judgement = judgeMqttAnswer(received);
      if (judgement !== undefined) settle(judgement.outcome, judgement.detail);
    });
  });
}
