import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrokerClient, type ClientHandler, type ClientTerms } from '../../../src/bridge/link/broker-client.ts';

const terms: Omit<ClientTerms, 'protocol'> = {
  ...{ clientId: 'bridge', cleanStart: true, sessionExpirySeconds: 0 },
  ...{ keepAliveSeconds: 60, receiveMaximum: 10, wholePublishBytes: 1_000 },
};

const refusals = [
  ['3.1.1', 1, /does not speak MQTT 3\.1\.1; say so in the broker's versions$/],
  ['3.1.1', 4, /bridge\.connections$/],
  ['3.1.1', 5, /bridge\.connections$/],
  ['5', 0x84, /does not speak MQTT 5; /],
  ['5', 0x86, /bridge\.connections$/],
  ['5', 0x87, /bridge\.connections$/],
  ['5', 0x88, /^CONNACK refuses with 0x88$/],
] as const;

for (const [protocol, code, expected] of refusals) {
  test(`a CONNACK of MQTT ${protocol} with ${code} says where to look`, () => {
    const causes: string[] = [];
    const port = { isFull: false, write: () => {}, close: (cause: string) => void causes.push(cause) };
    const client = new BrokerClient({ ...terms, protocol }, {} as ClientHandler, { port, nowMs: 0 });
    client.receive(Buffer.from(protocol === '5' ? [0x20, 3, 0, code, 0] : [0x20, 2, 0, code]), 0);
    assert.equal(causes.length, 1);
    assert.match(causes[0] ?? '', expected);
  });
}
