import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { type WireAddress, WireDevice } from '../integration/wire-device.ts';

/** One demand of MQTT 5, as a client at a door can see it. */
export interface Check {
  /** The specification's own number of the statement, or the section where it has none. */
  readonly clause: string;
  readonly name: string;
  /** Throws when the demand is not met. */
  readonly run: (meeting: Meeting) => Promise<unknown>;
}

/** The clients of one check at one door, with client IDs and topics of their own. */
export class Meeting implements AsyncDisposable {
  readonly tag = `c${randomBytes(5).toString('hex')}`;
  readonly #address: WireAddress;
  readonly #patienceMs: number | undefined;
  readonly #devices: WireDevice[] = [];

  /** `patienceMs`: after which what does not come is given up; default as of the device. */
  constructor(address: WireAddress, patienceMs?: number) {
    this.#address = address;
    this.#patienceMs = patienceMs;
  }

  topic(name: string): string {
    return `${this.tag}/${name}`;
  }

  async dial(): Promise<WireDevice> {
    const device = await WireDevice.dial(this.#address, 5);
    if (this.#patienceMs !== undefined) device.patienceMs = this.#patienceMs;
    this.#devices.push(device);
    return device;
  }

  /** A client that was let in. */
  async connect(name: string, fields: Partial<IConnectPacket> = {}): Promise<WireDevice> {
    return (await this.enter(name, fields)).device;
  }

  /** As `connect`, with the CONNACK. */
  async enter(name: string, fields: Partial<IConnectPacket> = {}) {
    const device = await this.dial();
    const connack = await device.connect(`${this.tag}-${name}`, fields);
    assert.equal(connack.reasonCode, 0, `${name} was let in`);
    return { device, connack };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.#devices) device.socket.destroy();
  }
}

/** Session fields of a client whose session outlives its connection. */
export function lasting(seconds = 60): Partial<IConnectPacket> {
  return { clean: false, properties: { sessionExpiryInterval: seconds } };
}

/** The server ends the connection; where it says why, it gives one of these reasons. */
export async function refuses(device: WireDevice, ...reasons: readonly number[]): Promise<void> {
  await device.closed();
  const last = device.packets.at(-1)?.packet;
  if (last?.cmd === 'disconnect') {
    const given = last.reasonCode ?? 0;
    assert.ok(reasons.includes(given), `0x${given.toString(16)} is none of the reasons`);
  }
}

/** Goes away without DISCONNECT. */
export function lose(device: WireDevice): void {
  device.socket.destroy();
}

export function textOf({ payload }: IPublishPacket): string {
  return payload.toString();
}

/** Texts of the messages up to and including the one that says `last`. */
export async function textsUntil(device: WireDevice, last: string): Promise<readonly string[]> {
  const texts: string[] = [];
  while (texts.at(-1) !== last) texts.push(textOf(await device.receive()));
  return texts;
}

/** Seconds by the broker's clock: the delay of a will. */
export async function brokerSeconds(meeting: Meeting, seconds: number): Promise<void> {
  const watcher = await meeting.connect('clock-watcher');
  await watcher.subscribe([{ topic: meeting.topic('clock'), qos: 0 }]);
  const clock = await meeting.connect('clock', {
    ...lasting(),
    will: { topic: meeting.topic('clock'), payload: 'now', properties: { willDelayInterval: seconds } },
  });
  lose(clock);
  await watcher.receive();
}
