import { type MosquittoBroker, startMosquitto } from '../../test/integration/mosquitto-broker.ts';
import { LineProcess } from '../relay/line-process.ts';
import type { BridgeBenchOptions } from './options.ts';

/** One way to carry what one Mosquitto is told to another one. */
export interface Contender {
  readonly name: string;
  /** For the table. */
  readonly label: string;
  /** Messages with the same key must arrive in their order. */
  readonly keepsOrder: boolean;
  describe(): string;
  start(place: Place): Promise<RunningContender>;
}

/** Where a contender runs. */
export interface Place {
  readonly tools: { readonly load: string; readonly distance: string };
  readonly directory: string;
  /** Microseconds between the bridge and the target, each way; 0: it is near. */
  readonly delayUs: number;
  readonly options: BridgeBenchOptions;
}

export interface RunningContender {
  readonly source: MosquittoBroker;
  readonly target: MosquittoBroker;
  /** The bridge where it is not in the source broker: the root of its processes. */
  readonly bridgePid?: number;
  /** What makes a near target far. */
  readonly distancePid?: number;
  stop(): Promise<void>;
}

/** The same for all: no bound of a broker's own below the bridges' windows. */
const brokerLines = ['max_inflight_messages 200', 'set_tcp_nodelay true'];

export function startBroker(lines: readonly string[] = []): Promise<MosquittoBroker> {
  return startMosquitto({ quiet: true, configuration: [...brokerLines, ...lines] });
}

export interface TargetSide {
  readonly target: MosquittoBroker;
  /** Where the bridge connects. */
  readonly port: number;
  readonly distancePid?: number;
  stop(): Promise<void>;
}

export async function startTarget({ tools, delayUs }: Place): Promise<TargetSide> {
  const target = await startBroker();
  if (delayUs === 0) return { target, port: target.port, stop: () => target.stop() };
  const distance = new LineProcess({
    command: tools.distance,
    args: ['--to', String(target.port), '--delay', String(delayUs)],
  });
  const ready = await distance.next('ready');
  return {
    target,
    port: Number(ready['port']),
    distancePid: distance.pid,
    async stop() {
      await distance.stop();
      await target.stop();
    },
  };
}
