import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestDevice } from './test-device.ts';

it('a gateway without descriptors keeps serving those that are in, and serves others when some are free again', async () => {
  const childFile = fileURLToPath(new URL('./descriptor-exhaustion-child.ts', import.meta.url));
  const child = spawn('bash', ['-c', 'ulimit -n 80; exec "$0" "$1"', process.execPath, childFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    const [line] = await once(child.stdout, 'data');
    const port = Number(String(line).trim());
    const served = await TestDevice.dial(port);
    served.connect('served');
    assert.equal((await served.inbox.packet('connack'))['returnCode'], 0);

    const crowd = await Promise.all(Array.from({ length: 150 }, () => TestDevice.dial(port)));
    // The process has fewer than 80 descriptors: the others are closed, or wait unaccepted in the backlog.
    served.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 1, dup: false, retain: false });
    await served.inbox.packet('puback');
    for (const { socket } of crowd) socket.destroy();
    await Promise.all(crowd.map(({ inbox }) => inbox.closed()));

    const late = await connectUntilServed(port);
    late.socket.destroy();
    served.send({ cmd: 'pingreq' });
    await served.inbox.packet('pingresp');
    served.socket.destroy();
  } finally {
    child.stdin.end();
    await exited;
  }
});

/** A device that tries again when it is closed, as devices do, until it has its CONNACK. */
async function connectUntilServed(port: number): Promise<TestDevice> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const device = await TestDevice.dial(port);
    device.connect(`late-${attempt}`);
    await device.inbox.until(() => device.inbox.isClosed || device.inbox.find('connack') !== undefined);
    if (device.inbox.find('connack')?.['returnCode'] === 0) return device;
    device.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return assert.fail('a device was never served again');
}
