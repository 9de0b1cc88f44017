export const sdks = [
  'aws-iot-device-sdk',
  'aws-iot-device-sdk-v2, MQTT 3.1.1',
  'aws-iot-device-sdk-v2, MQTT 5',
  'MQTT.js, MQTT 3.1.1',
  'MQTT.js, MQTT 5',
] as const;

/** What one device is to do: connect, subscribe to `topic`, publish `payload` to it at QoS 1, receive it, go. */
export interface SdkDeviceSetting {
  readonly sdk: (typeof sdks)[number];
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
}

/** What it saw. The last three only of MQTT 5 with AWS's own SDK. */
export interface SdkSight {
  readonly received: string;
  readonly userProperties?: readonly (readonly string[])[];
  /** Of SUBACK and PUBACK. */
  readonly codes?: readonly number[];
  /** As CONNACK said. */
  readonly maximumQos?: number;
}
