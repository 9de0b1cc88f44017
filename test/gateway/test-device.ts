import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import mqtt, { type IConnectPacket, type Packet } from 'mqtt-packet';
import { PacketInbox } from './packet-inbox.ts';

/** A device as raw as a test needs it: a socket and what came over it. */
export class TestDevice {
  readonly socket: Socket;
  readonly inbox: PacketInbox;
  readonly #version: 4 | 5;

  constructor(socket: Socket, version: 4 | 5 = 4) {
    this.socket = socket;
    this.#version = version;
    this.inbox = new PacketInbox(version);
    socket.on('data', (chunk: Buffer) => this.inbox.handleBytes(chunk));
    socket.on('end', () => this.inbox.handleEnd());
    socket.on('error', () => {});
    socket.on('close', () => this.inbox.handleClose());
  }

  static async dial(port: number, version: 4 | 5 = 4): Promise<TestDevice> {
    const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true });
    const device = new TestDevice(socket, version);
    await once(socket, 'connect');
    return device;
  }

  static async dialTls(options: ConnectionOptions, version: 4 | 5 = 4): Promise<TestDevice> {
    const socket = connectTls({ host: '127.0.0.1', rejectUnauthorized: false, ...options });
    const device = new TestDevice(socket, version);
    await once(socket, 'secureConnect');
    return device;
  }

  send(packet: Packet): void {
    this.socket.write(mqtt.generate(packet, { protocolVersion: this.#version }));
  }

  connect(clientId: string, options: Partial<IConnectPacket> = {}): void {
    this.socket.write(connectBytes(clientId, { protocolVersion: this.#version, ...options }));
  }
}

export function connectBytes(clientId: string, options: Partial<IConnectPacket> = {}): Buffer {
  return mqtt.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId,
    clean: true,
    keepalive: 60,
    ...options,
  });
}
