/**
 * A device written with one of AWS's SDKs, or with MQTT.js, in a process of its own (aws-crt has native threads). Reads
 * its setting as JSON from the command line, prints what it saw as one line of JSON, and ends.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { SdkDeviceSetting, SdkSight } from './sdk-setting.ts';

const setting = JSON.parse(process.argv[2] ?? '') as SdkDeviceSetting;
const { host, port, clientId, topic } = setting;
const ca = readFileSync(setting.ca, 'utf8');
const cert = readFileSync(setting.cert, 'utf8');
const key = readFileSync(setting.key, 'utf8');

async function runVersion1(): Promise<SdkSight> {
  const { device: Device } = await import('aws-iot-device-sdk');
  const device = new Device({
    host,
    port,
    clientId,
    protocol: 'mqtts',
    caCert: Buffer.from(ca),
    clientCert: Buffer.from(cert),
    privateKey: Buffer.from(key),
    offlineQueueing: false,
  });
  device.on('error', (error) => process.stderr.write(`${String(error)}\n`));
  await once(device, 'connect');
  await new Promise<void>((resolve, reject) =>
    device.subscribe(topic, { qos: 1 }, (error) => (error ? reject(error) : resolve())),
  );
  const received = new Promise<string>((resolve) =>
    device.on('message', (_topic, payload) => resolve(String(payload))),
  );
  await new Promise<void>((resolve, reject) =>
    device.publish(topic, setting.payload, { qos: 1 }, (error) => (error ? reject(error) : resolve())),
  );
  const sight = { received: await received };
  await new Promise<void>((resolve) => device.end(false, () => resolve()));
  return sight;
}

async function runVersion2(): Promise<SdkSight> {
  const { iot, mqtt } = await import('aws-iot-device-sdk-v2');
  const configuration = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder(cert, key)
    .with_certificate_authority(ca)
    .with_endpoint(host)
    .with_port(port)
    .with_client_id(clientId)
    .with_clean_session(true)
    .build();
  const connection = new mqtt.MqttClient().new_connection(configuration);
  await connection.connect();
  const received = new Promise<string>((resolve) => {
    connection.on('message', (_topic, payload) => resolve(Buffer.from(payload).toString()));
  });
  await connection.subscribe(topic, mqtt.QoS.AtLeastOnce);
  await connection.publish(topic, setting.payload, mqtt.QoS.AtLeastOnce);
  const sight = { received: await received };
  await connection.disconnect();
  return sight;
}

async function runVersion2WithMqtt5(): Promise<SdkSight> {
  const { iot, mqtt5 } = await import('aws-iot-device-sdk-v2');
  const configuration = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(host, cert, key)
    .withCertificateAuthority(ca)
    .withPort(port)
    .withConnectProperties({ clientId, keepAliveIntervalSeconds: 60 })
    .build();
  const client = new mqtt5.Mqtt5Client(configuration);
  const connected = once(client, 'connectionSuccess');
  const received = once(client, 'messageReceived');
  client.start();
  const [{ settings }] = await connected;
  const suback = await client.subscribe({ subscriptions: [{ qos: mqtt5.QoS.AtLeastOnce, topicFilter: topic }] });
  const puback = await client.publish({
    qos: mqtt5.QoS.AtLeastOnce,
    topicName: topic,
    payload: setting.payload,
    userProperties: [{ name: 'unit', value: 'µ' }],
  });
  const [{ message }] = await received;
  const stopped = once(client, 'stopped');
  client.stop();
  await stopped;
  return {
    received: Buffer.from(message.payload).toString(),
    userProperties: message.userProperties?.map(({ name, value }: { name: string; value: string }) => [name, value]),
    codes: [...suback.reasonCodes, puback?.reasonCode ?? -1],
    maximumQos: settings.maximumQos,
  };
}

async function runMqttJs(protocolVersion: 4 | 5): Promise<SdkSight> {
  const { connectAsync } = await import('mqtt');
  const tls = { ca, cert, key, servername: setting.host };
  const client = await connectAsync({ protocol: 'mqtts', host, port, clientId, protocolVersion, ...tls });
  const received = new Promise<string>((resolve) =>
    client.on('message', (_topic, payload) => resolve(String(payload))),
  );
  await client.subscribeAsync(topic, { qos: 1 });
  await client.publishAsync(topic, setting.payload, { qos: 1 });
  const sight = { received: await received };
  await client.endAsync();
  return sight;
}

const runs = {
  'aws-iot-device-sdk': runVersion1,
  'aws-iot-device-sdk-v2, MQTT 3.1.1': runVersion2,
  'aws-iot-device-sdk-v2, MQTT 5': runVersion2WithMqtt5,
  'MQTT.js, MQTT 3.1.1': () => runMqttJs(4),
  'MQTT.js, MQTT 5': () => runMqttJs(5),
};
const sight = await runs[setting.sdk]();
process.stdout.write(`${JSON.stringify(sight)}\n`, () => process.exit(0));
