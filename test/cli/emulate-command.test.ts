import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { makeDirectory, program, runCli } from './spawned-cli.ts';

test('emulate aws-iot says where it listens, takes an MQTT client, and ends at SIGTERM', {
  timeout: 120_000,
}, async (t) => {
  const directory = await makeDirectory(t);
  const child = spawn(
    process.execPath,
    [program, 'emulate', 'aws-iot', '--open', '--refusals', '--dir', join(directory, 'emulator')],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const ready = JSON.parse(line) as {
    readonly event: string;
    readonly control: string;
    readonly data: { readonly host: string; readonly mqtts: number; readonly alpn: number };
    readonly ca: string;
  };
  assert.deepEqual(Object.keys(ready), ['event', 'control', 'data', 'ca']);
  assert.equal(ready.event, 'ready');
  assert.match(ready.control, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(ready.ca, join(directory, 'emulator', 'server-ca.pem'));
  const client = await mqtt.connectAsync({
    protocol: 'mqtts',
    host: ready.data.host,
    port: ready.data.mqtts,
    ca: await readFile(ready.ca),
    clientId: 'cli-1',
    reconnectPeriod: 0,
  });
  const connection = (await (await fetch(`${ready.control}/connections/cli-1`)).json()) as { connected: boolean };
  assert.equal(connection.connected, true);
  const refused = once(createInterface(child.stderr), 'line');
  client.publish('up', 'x', { qos: 2 });
  assert.deepEqual(JSON.parse(String((await refused)[0])), {
    event: 'refused',
    reason: 'qos2-publish',
    clientId: 'cli-1',
  });
  await client.endAsync(true);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

test('emulate aws-iot refuses what is no port', async () => {
  const { code, stderr } = await runCli(['emulate', 'aws-iot', '--data-port', '70000']);
  assert.equal(code, 64);
  assert.match(stderr, /Expected a port from 0 to 65535/);
});
