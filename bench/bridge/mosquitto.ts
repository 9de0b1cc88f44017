import { spawnSync } from 'node:child_process';
import { type Contender, type Place, type RunningContender, startBroker, startTarget } from './contender.ts';

/** Mosquitto's own bridge, a part of the source broker. */
export const mosquitto: Contender = {
  name: 'mosquitto',
  label: 'Mosquitto',
  keepsOrder: true,
  describe: () =>
    `${version()}, one connection, topic dt/# out 1, cleansession false, max_inflight_messages 200, MQTT 5`,
  start,
};

function version(): string {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const { stdout } = spawnSync('mosquitto', ['-h'], { encoding: 'utf8', env: { ...process.env, PATH: path } });
  return /^mosquitto version \S+/m.exec(stdout)?.[0] ?? 'mosquitto of an unknown version';
}

async function start(place: Place): Promise<RunningContender> {
  const side = await startTarget(place);
  const source = await startBroker([
    'connection bench',
    `address 127.0.0.1:${side.port}`,
    'topic dt/# out 1',
    'cleansession false',
    'notifications false',
    'bridge_protocol_version mqttv50',
    'restart_timeout 1',
  ]);
  return {
    source,
    target: side.target,
    ...(side.distancePid !== undefined && { distancePid: side.distancePid }),
    async stop() {
      await source.stop();
      await side.stop();
    },
  };
}
