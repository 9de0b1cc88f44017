import { mkdir } from 'node:fs/promises';
import { type MosquittoBroker, startMosquitto } from '../../integration/mosquitto-broker.ts';
import { ChildProgram } from '../handover/child-program.ts';
import type { AwsApi } from './aws-process.ts';

/** A broker of the soak, by what can be done to it. */
export interface SoakBroker extends AsyncDisposable {
  readonly port: number;
  /** PEM; absent: it speaks no TLS. */
  readonly ca?: string;
  freeze(): void;
  thaw(): void;
  /** Ends it in order, so that it saves what it has acknowledged. Absent: it could not save. */
  stop?(): Promise<void>;
  /** On the same port, with what it had saved. */
  startAgain?(): Promise<void>;
}

/** A Mosquitto that forgets nothing: sessions on disk, queues without a bound. */
export async function startLastingMosquitto(memory: string): Promise<SoakBroker> {
  await mkdir(memory, { recursive: true });
  const options = {
    quiet: true,
    configuration: [
      ...['persistence true', `persistence_location ${memory}/`, 'autosave_interval 3600'],
      ...['max_queued_messages 0', 'max_queued_bytes 0', 'max_inflight_messages 100', 'set_tcp_nodelay true'],
    ],
  };
  let broker: MosquittoBroker = await startMosquitto(options);
  const { port, tlsPort } = broker;
  return {
    port,
    freeze: () => broker.freeze(),
    thaw: () => broker.thaw(),
    stop: () => broker.stop(),
    async startAgain() {
      broker = await startMosquitto({ ...options, ports: { port, tlsPort } });
    },
    [Symbol.asyncDispose]: () => broker.stop(),
  };
}

/** What it has is in its memory: it is frozen and cut off, and never ended. */
export async function startEmulatedAws(): Promise<SoakBroker> {
  const child = new ChildProgram<AwsApi>('../bridge/aws-process.ts');
  const { port, ca } = await child.ask('start', undefined);
  return {
    ...{ port, ca },
    freeze: () => void process.kill(child.pid, 'SIGSTOP'),
    thaw: () => void process.kill(child.pid, 'SIGCONT'),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
