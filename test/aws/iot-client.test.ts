import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { CallRates } from '../../src/aws/call-rates.ts';
import { openControlPlane } from '../../src/aws/control-plane.ts';
import { openIotClient } from '../../src/aws/iot-client.ts';
import { isIotFailure } from '../../src/aws/iot-failure.ts';
import { systemClock } from '../../src/base/clock.ts';

async function serve(context: TestContext, handle: RequestListener): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Milliseconds of `20261123T205700Z`. */
function signedAtMs(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/** An account whose clock is `aheadMs` of ours, and that takes no call whose signature is five minutes off (SigV4). */
function skewedAccount(aheadMs: number, taken: string[]): RequestListener {
  return (request, response) => {
    const nowMs = Date.now() + aheadMs;
    response.setHeader('date', new Date(nowMs).toUTCString());
    response.setHeader('content-type', 'application/json');
    const offMs = Math.abs(signedAtMs(String(request.headers['x-amz-date'])) - nowMs);
    if (offMs > 300_000) {
      response.writeHead(403, { 'x-amzn-errortype': 'InvalidSignatureException' });
      return void response.end(JSON.stringify({ message: 'Signature expired' }));
    }
    taken.push(`${request.method} ${request.url}`);
    response.end(JSON.stringify({ policyName: 'one', endpointAddress: 'abc-ats.iot.eu-west-1.amazonaws.com' }));
  };
}

for (const hours of [-2, 2]) {
  test(`a clock that is ${hours} hours off is set by the answer: the call is signed again, one that makes something too`, async (context) => {
    const taken: string[] = [];
    const endpoint = await serve(context, skewedAccount(hours * 3_600_000, taken));
    const open = () => openControlPlane({ region: 'eu-west-1', endpoint, environment: {} });
    const [reading, making] = [await open(), await open()];
    context.after(() => {
      reading.destroy();
      making.destroy();
    });
    await reading.describeEndpoint({ endpointType: 'iot:Data-ATS' });
    await making.createPolicy({ policyName: 'one', policyDocument: '{}' });
    assert.deepEqual(taken, ['GET /endpoint?endpointType=iot%3AData-ATS', 'POST /policies/one']);
  });
}

test('a signature that AWS does not take with the right date either is refused, and not repeated for ever', async (context) => {
  let calls = 0;
  const endpoint = await serve(context, (_request, response) => {
    calls += 1;
    const date = new Date(Date.now() + calls * 3_600_000).toUTCString();
    response.writeHead(403, { date, 'x-amzn-errortype': 'InvalidSignatureException' }).end('{}');
  });
  const iot = await openControlPlane({ region: 'eu-west-1', endpoint, environment: {} });
  context.after(() => iot.destroy());
  await assert.rejects(iot.describeEndpoint({}), (error) => isIotFailure(error, 'unauthorized'));
  assert.equal(calls, 2);
});

test('a call that is not answered ends as unavailable', async (context) => {
  const endpoint = await serve(context, () => {});
  const iot = await openIotClient({ region: 'eu-west-1', endpoint, isEmulated: true, answerMs: 50 });
  context.after(() => iot.destroy());
  const rates = new CallRates({ clock: systemClock, isUnlimited: true, tries: 1 });
  const call = rates.call('DescribeEndpoint', () => iot.describeEndpoint({}));
  await assert.rejects(call, (error) => isIotFailure(error, 'unavailable'));
});
