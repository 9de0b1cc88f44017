import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';

export interface Meeting {
  readonly port: number;
  /** PEM of the CA that the gateway's certificate chains to. */
  readonly ca: string;
  /** Absent: no client certificate. */
  readonly device?: { readonly certificate: string; readonly key: string };
  readonly session?: Buffer;
  readonly options?: ConnectionOptions;
}

export interface MeetingOutcome {
  /** `let in`: a broker's CONNACK came through the gateway. */
  readonly outcome: 'let in' | 'refused';
  /** Hexadecimal, lower case. */
  readonly serverSerial: string | undefined;
}

let lastClientId = 0;

/** Connects, sends CONNECT, waits for the first packet or the end, and leaves. */
export async function meetListener(meeting: Meeting): Promise<MeetingOutcome> {
  const socket = open(meeting);
  try {
    const outcome = await firstAnswer(socket);
    const serverSerial = socket
      .getPeerX509Certificate()
      ?.serialNumber.toLowerCase()
      .replace(/^0+(?=.)/, '');
    return { outcome, serverSerial };
  } finally {
    socket.destroy();
  }
}

/** The TLS session of a device that was let in. */
export async function rememberSession(meeting: Meeting): Promise<Buffer> {
  const socket = open(meeting);
  const session = once(socket, 'session') as Promise<[Buffer]>;
  if ((await firstAnswer(socket)) !== 'let in') throw new Error('expected the device to be let in');
  const [ticket] = await session;
  socket.destroy();
  return ticket;
}

function open({ port, ca, device, session, options }: Meeting): TLSSocket {
  return connect({
    ...{ host: '127.0.0.1', port, ca },
    // So that the client's own OpenSSL shows weak certificates, as an old device's library does.
    ciphers: 'DEFAULT:@SECLEVEL=0',
    ...(device === undefined ? {} : { cert: device.certificate, key: device.key }),
    ...(session === undefined ? {} : { session }),
    ...options,
  });
}

function firstAnswer(socket: TLSSocket): Promise<'let in' | 'refused'> {
  lastClientId += 1;
  const connectPacket = generate({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 60 },
    clientId: `meeting-${process.pid}-${lastClientId}`,
  });
  return new Promise((resolve) => {
    socket.once('secureConnect', () => socket.write(connectPacket));
    // CONNACK with code 0.
    socket.once('data', (data) => resolve(data[0] === 0x20 && data[3] === 0 ? 'let in' : 'refused'));
    socket.once('error', () => resolve('refused'));
    socket.once('close', () => resolve('refused'));
  });
}
