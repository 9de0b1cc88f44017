import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket, connect } from 'node:net';
import { test } from 'node:test';
import { OutputBatch } from '../../src/bridge/output-batch.ts';

/** Both ends of a connection on loopback. */
async function pair(): Promise<{ near: Socket; far: Socket; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  return {
    ...{ near, far },
    close() {
      for (const socket of [near, far]) socket.destroy();
      server.close();
    },
  };
}

test('what is added arrives once and in its order, also when the other side does not read for a while', async () => {
  const { near, far, close } = await pair();
  far.pause();
  const output = new OutputBatch(near);
  const sizes = [1, 4, 9, 200, 3_000, 16_383, 16_384, 40_000, 70_000];
  const expected: Buffer[] = [];
  const scratch = Buffer.alloc(70_000);
  const isWaiting = () => near.writableLength > 0;
  let hasWaited = false;
  for (let turn = 0; turn < 120; turn += 1) {
    for (let index = 0; index < 12; index += 1) {
      const length = sizes[(turn * 7 + index * 5) % sizes.length] as number;
      scratch.fill((turn * 12 + index) % 251, 0, length);
      expected.push(Buffer.from(scratch.subarray(0, length)));
      output.add(scratch, length);
      // The caller's bytes are its own again.
      scratch.fill(255, 0, length);
    }
    await new Promise((resolve) => setImmediate(resolve));
    hasWaited ||= isWaiting();
  }
  assert.ok(hasWaited, 'the socket never had to wait');
  output.add(Buffer.from('the end'), 7);
  output.flush();
  near.end();
  const heard: Buffer[] = [];
  for await (const chunk of far) heard.push(chunk as Buffer);
  assert.ok(Buffer.concat(heard).equals(Buffer.concat([...expected, Buffer.from('the end')])));
  close();
});

test('what is added in one turn leaves in one write, and nothing is written to a socket that is gone', async () => {
  const { near, close } = await pair();
  const output = new OutputBatch(near);
  const written: number[] = [];
  const write = near.write.bind(near);
  near.write = (bytes: Uint8Array | string) => {
    written.push(bytes.length);
    return write(bytes);
  };
  for (let count = 0; count < 100; count += 1) output.add(Buffer.from('four'), 4);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(written, [400]);
  near.destroy();
  output.add(Buffer.from('four'), 4);
  output.flush();
  assert.deepEqual(written, [400]);
  close();
});
