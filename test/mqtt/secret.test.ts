import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import { encodeConnect } from '../../src/mqtt/connect-encoding.ts';
import { decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { Secret } from '../../src/mqtt/secret.ts';

describe('Secret', () => {
  const secret = new Secret(Buffer.from('hunter2'));
  const shown: [name: string, text: string][] = [
    ['JSON', JSON.stringify({ secret })],
    ['inspect', inspect({ deep: { secret } }, { showHidden: true, depth: 9 })],
    ['format', format('%s %o %j', secret, secret, secret)],
    ['a template', `${secret}`],
    ['its keys', Object.entries(secret).flat().join()],
  ];
  for (const [name, text] of shown) {
    it(`is not shown by ${name}`, () => {
      assert.ok(!text.includes('hunter2'), text);
      assert.ok(!text.includes(Buffer.from('hunter2').toString('hex')), text);
    });
  }

  it('is revealed when asked, from memory of its own', () => {
    const bytes = Buffer.from('hunter2');
    const copy = new Secret(bytes);
    bytes.fill(0);
    assert.equal(copy.reveal().toString(), 'hunter2');
    assert.equal(copy.reveal().buffer.byteLength, 7);
    assert.equal(copy.length, 7);
  });
});

describe('a decoded CONNECT', () => {
  const will = {
    topic: 't',
    payload: new Secret(Buffer.from('last words')),
    qos: 1,
    retain: true,
    properties: [],
  } as const;
  const packet = encodeConnect({
    protocol: '3.1.1',
    bridge: false,
    clientId: 'a',
    cleanStart: true,
    keepAliveSeconds: 60,
    properties: [],
    will,
    username: 'u',
    password: new Secret(Buffer.from('hunter2')),
  });

  it('shows neither password nor payload, and gives both', () => {
    const decoded = decodeConnect(packet);
    assert.ok(decoded.ok);
    for (const text of [JSON.stringify(decoded), inspect(decoded, { depth: 9, showHidden: true })]) {
      assert.ok(!text.includes('hunter2') && !text.includes('last words'), text);
    }
    assert.equal(decoded.value.password?.reveal().toString(), 'hunter2');
    assert.equal(decoded.value.will?.payload.reveal().toString(), 'last words');
    assert.equal(decoded.value.will?.payloadBytes, 10);
  });

  it('does not change when the buffer that it came in is used again', () => {
    const bytes = Buffer.from(packet);
    const decoded = decodeConnect(bytes);
    bytes.fill(0);
    assert.ok(decoded.ok);
    assert.equal(decoded.value.password?.reveal().toString(), 'hunter2');
    assert.equal(decoded.value.will?.payload.reveal().toString(), 'last words');
  });
});
