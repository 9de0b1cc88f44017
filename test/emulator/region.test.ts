import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CreateThingCommand,
  DescribeDomainConfigurationCommand,
  DescribeEndpointCommand,
  IoTClient,
} from '@aws-sdk/client-iot';
import { signedRegion } from '../../src/emulator/account/region-change.ts';
import { type AwsIotEmulator, startAwsIotEmulator } from '../../src/emulator/aws-iot-emulator.ts';

function clientOf({ control }: AwsIotEmulator, region: string): IoTClient {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
  return new IoTClient({ endpoint: control, region, credentials, maxAttempts: 1 });
}

async function arnsSeen(emulator: AwsIotEmulator, region: string) {
  const client = clientOf(emulator, region);
  try {
    const { endpointAddress = '' } = await client.send(new DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }));
    const domain = await client.send(
      new DescribeDomainConfigurationCommand({ domainConfigurationName: 'iot:Data-ATS' }),
    );
    const { thingArn } = await client.send(new CreateThingCommand({ thingName: region }));
    return {
      endpoint: endpointAddress.split('.').slice(1).join('.'),
      domain: domain.domainConfigurationArn?.split(':')[3],
      isDomainName: domain.domainName === endpointAddress,
      thing: thingArn,
    };
  } finally {
    client.destroy();
  }
}

describe('the Region of the emulated account', () => {
  test('is that of the first signed call, and stays', async (t) => {
    const emulator = await startAwsIotEmulator();
    t.after(() => emulator.stop());
    const first = await arnsSeen(emulator, 'ap-southeast-2');
    assert.deepEqual(first, {
      endpoint: 'iot.ap-southeast-2.amazonaws.com',
      domain: 'ap-southeast-2',
      isDomainName: true,
      thing: 'arn:aws:iot:ap-southeast-2:123456789012:thing/ap-southeast-2',
    });
    const second = await arnsSeen(emulator, 'us-east-1');
    assert.equal(second.thing, 'arn:aws:iot:ap-southeast-2:123456789012:thing/us-east-1');
  });

  test('is the one that was asked for, whatever is signed', async (t) => {
    const emulator = await startAwsIotEmulator({ account: { identity: { region: 'eu-west-3' } } });
    t.after(() => emulator.stop());
    assert.equal((await arnsSeen(emulator, 'us-east-1')).endpoint, 'iot.eu-west-3.amazonaws.com');
  });

  test('stands in the credential scope of the signature, and nowhere else', () => {
    const scope = 'AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-north-1/iot/aws4_request, SignedHeaders=host';
    assert.equal(signedRegion(scope), 'eu-north-1');
    for (const other of [undefined, '', 'Bearer x', 'AWS4-HMAC-SHA256 Credential=AKID/x/eu-north-1/iot']) {
      assert.equal(signedRegion(other), undefined);
    }
  });
});
