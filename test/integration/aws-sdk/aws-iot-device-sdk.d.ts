/** As much of AWS's first device SDK as the tests use; it brings no types of its own. */
declare module 'aws-iot-device-sdk' {
  import type { EventEmitter } from 'node:events';

  interface DeviceOptions {
    readonly host: string;
    readonly port: number;
    readonly clientId: string;
    readonly protocol: 'mqtts';
    readonly caCert: Buffer;
    readonly clientCert: Buffer;
    readonly privateKey: Buffer;
    readonly offlineQueueing: boolean;
  }
  type Done = (error?: Error | null) => void;
  export class device extends EventEmitter {
    constructor(options: DeviceOptions);
    on(event: 'message', listener: (topic: string, payload: Buffer) => void): this;
    on(event: 'error', listener: (error: unknown) => void): this;
    subscribe(topic: string, options: { readonly qos: 0 | 1 }, done: Done): void;
    publish(topic: string, payload: string, options: { readonly qos: 0 | 1 }, done: Done): void;
    end(force: boolean, done: () => void): void;
  }
}
