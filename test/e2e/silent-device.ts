import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate } from 'mqtt-packet';

/** A device that says CONNECT and then nothing, as one whose NAT entry is gone: its socket stays open. */
export async function silentDevice(port: number, clientId: string, will?: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const willFields =
    will === undefined ? {} : { will: { topic: will, payload: Buffer.from('lost'), qos: 1 as const, retain: false } };
  socket.write(
    generate({
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 600, clientId },
      ...willFields,
    }),
  );
  const [connack] = (await once(socket, 'data')) as [Buffer];
  assert.deepEqual([...connack], [0x20, 2, 0, 0]);
  return socket;
}
