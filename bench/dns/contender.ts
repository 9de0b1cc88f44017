import { createSocket } from 'node:dgram';
import { queryFor } from '../../test/dns/query-bytes.ts';
import { LineProcess, type StartOptions } from '../relay/line-process.ts';
import { processTree } from '../relay/process-usage.ts';
import type { JobName } from './options.ts';
import { benchOrigin } from './queries.ts';

/** Where the servers put what they need. */
export interface World {
  readonly directory: string;
  readonly serverCore: number;
  readonly loadCore: number;
}

export interface Contender {
  readonly name: string;
  /** For the table. */
  readonly label: string;
  readonly jobs: readonly JobName[];
  /** What it is, exactly: versions and what was configured. */
  describe(): string;
  start(world: World): Promise<RunningContender>;
}

export interface RunningContender {
  /** UDP, on 127.0.0.1. */
  readonly port: number;
  readonly pids: readonly number[];
  readonly process: LineProcess;
}

const bindAttempts = 5;
const debianPath = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

/** Starts a server that cannot bind port 0, on the servers' core, and waits for it to answer. */
export async function startServer(
  world: World,
  prepare: (port: number) => Pick<StartOptions, 'command' | 'args'>,
): Promise<RunningContender> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = new LineProcess({ ...prepare(port), env: debianPath, core: world.serverCore });
    if (await isAnswering(port, child)) return { port, pids: processTree(child.pid), process: child };
    await child.stop();
    if (attempt === bindAttempts) throw new Error(`No answer on port ${port}: ${child.errors}`);
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

const startDeadlineMs = 15_000;
const askEveryMs = 50;

async function isAnswering(port: number, child: LineProcess): Promise<boolean> {
  const socket = createSocket('udp4');
  const question = queryFor(`ns.${benchOrigin}.`, 1);
  return new Promise((resolve) => {
    const deadline = Date.now() + startDeadlineMs;
    const timer = setInterval(() => {
      if (child.hasEnded || Date.now() > deadline) finish(false);
      else socket.send(question, port, '127.0.0.1');
    }, askEveryMs);
    const finish = (answers: boolean) => {
      clearInterval(timer);
      socket.close();
      resolve(answers);
    };
    socket.once('message', () => finish(true));
    socket.on('error', () => {});
  });
}
