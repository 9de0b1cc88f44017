import { type BrokerProfile, brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import { decodeSubscriptions, encodeSubscriptions } from '../../../src/mqtt/remembered-subscriptions.ts';
import type { SessionMachineOptions } from '../../../src/mqtt/session-assembly.ts';
import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import { SessionMachine } from '../../../src/mqtt/session-machine.ts';
import type { SessionPort } from '../../../src/mqtt/session-port.ts';
import type { UndeliverablePolicy } from '../../../src/mqtt/session-terms.ts';
import { ModelReader } from './model-packets.ts';
import { encodeWords, type PacketWords, renderPacket, wordsOf } from './packet-text.ts';

/**
 * Plays the lines of a transcript against a machine and writes down what it does.
 *
 * `session device=V broker=V [profile=P] [broker-window=N] [device-window=N] [rate=N] [policy=P] [keep-alive=S]
 * [broker-keep-alive=S] [aliases=N] [packet-bytes=N]` begins; `device PACKET` and `broker PACKET` are what comes in;
 * `together` in front of several `;` separated packets puts them into one chunk; `pieces=N` cuts into chunks of N bytes;
 * `pass N` lets N milliseconds go by; `resume` loses both connections and begins a new one of the same session.
 */
export class SessionScript {
  readonly lines: string[] = [];
  #options: SessionMachineOptions | undefined;
  #machine: SessionMachine | undefined;
  #nowMs = 0;
  #remembered: string | undefined;
  #device: ProtocolVersion = '3.1.1';
  #broker: ProtocolVersion = '3.1.1';

  get machine(): SessionMachine {
    if (this.#machine === undefined) throw new Error('a transcript begins with a session');
    return this.#machine;
  }

  play(line: string): void {
    this.lines.push(`> ${line}`);
    const [command = '', ...rest] = line.split(' ');
    const said = rest.join(' ');
    switch (command) {
      case 'session':
        this.#begin(wordsOf(line));
        break;
      case 'device':
        this.#feed(said, this.#device, (chunk) => this.machine.handleDeviceData(chunk, this.#nowMs));
        break;
      case 'broker':
        this.#feed(said, this.#broker, (chunk) => this.machine.handleBrokerData(chunk, this.#nowMs, firstLeg));
        break;
      case 'pass':
        this.#pass(Number(said));
        break;
      case 'resume':
        this.#resume();
        break;
      default:
        throw new Error(`no command ${command}`);
    }
  }

  #feed(said: string, protocol: ProtocolVersion, give: (chunk: Buffer) => void): void {
    const pieces = /^pieces=(\d+) /.exec(said);
    const packets = said.slice(pieces?.[0].length ?? 0).split('; ');
    const bytes = Buffer.concat(packets.map((packet) => encodeWords(wordsOf(packet), protocol)));
    const size = pieces === null ? bytes.length : Number(pieces[1]);
    for (let at = 0; at < bytes.length; at += size) give(Buffer.from(bytes.subarray(at, at + size)));
  }

  #pass(milliseconds: number): void {
    const until = this.#nowMs + milliseconds;
    while (this.machine.nextDeadlineMs() <= until) {
      this.#nowMs = Math.max(this.#nowMs, Math.ceil(this.machine.nextDeadlineMs()));
      this.lines.push(`  (${this.#nowMs} ms)`);
      this.machine.handleTick(this.#nowMs);
    }
    this.#nowMs = until;
  }

  #resume(): void {
    if (this.#options === undefined) throw new Error('a transcript begins with a session');
    const unfinished = this.machine.unfinished();
    const kept = this.machine.subscriptions.toKeep();
    // As the store has it: a text that stays while nothing changes.
    if (kept !== undefined) this.#remembered = encodeSubscriptions(kept);
    const subscriptions = decodeSubscriptions(this.#remembered);
    const upstream = { ...this.#options.upstream, sessionPresent: true };
    this.#options = { ...this.#options, upstream, port: this.#port(), unfinished, subscriptions, nowMs: this.#nowMs };
    this.#machine = new SessionMachine(this.#options);
  }

  #begin({ values }: PacketWords): void {
    const number = (key: string, other: number) => Number(values.get(key) ?? other);
    this.#device = (values.get('device') ?? '3.1.1') as ProtocolVersion;
    this.#broker = (values.get('broker') ?? '3.1.1') as ProtocolVersion;
    const is5 = this.#device === '5';
    const named: BrokerProfile = brokerProfiles[values.get('profile') === 'aws-iot-core' ? 'aws-iot-core' : 'mqtt'];
    const profile = { ...named, publishesPerSecond: number('rate', named.publishesPerSecond) };
    const packetBytes = number('packet-bytes', profile.maxPacketBytes);
    const receiveMaximum = number('broker-window', profile.inflightFromDevice);
    this.#options = {
      device: {
        protocol: this.#device,
        clientId: 'meter-7',
        keepAliveSeconds: number('keep-alive', 0),
        receiveMaximum: number('device-window', 65_535),
        maximumPacketSize: number('device-packet-bytes', maxPacketBytes),
        told: {
          receiveMaximum: is5 ? number('told-window', receiveMaximum) : 65_535,
          maximumPacketSize: is5 ? packetBytes : maxPacketBytes,
          maximumQos: 2,
          retainAvailable: true,
          topicAliasMaximum: is5 ? 10 : 0,
          sharedSubscriptions: true,
          wildcardSubscriptions: true,
          subscriptionIdentifiers: is5,
        },
      },
      upstream: {
        protocol: this.#broker,
        profile,
        capabilities: {
          maximumQos: profile.maximumQos,
          retainAvailable: true,
          wildcardSubscriptions: true,
          subscriptionIdentifiers: profile.subscriptionIdentifiers,
          sharedSubscriptions: true,
          receiveMaximum,
          maximumPacketSize: packetBytes,
          maxSessionExpirySeconds: profile.maxSessionExpirySeconds,
        },
        keepAliveSeconds: number('broker-keep-alive', 0),
        sessionPresent: false,
        undeliverable: (values.get('policy') ?? 'refuse') as UndeliverablePolicy,
        maxPacketBytes: 4_194_304,
      },
      sessionExpiryInterval: 3_600,
      counts: { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) },
      port: this.#port(),
      nowMs: this.#nowMs,
    };
    this.#machine = new SessionMachine(this.#options);
  }

  #port(): SessionPort {
    const toDevice = new ModelReader(this.#device);
    const toBroker = new ModelReader(this.#broker);
    const say = (line: string) => this.lines.push(`  ${line}`);
    return {
      toDevice: (bytes) => toDevice.push(bytes, (packet) => say(`device <- ${renderPacket(packet)}`)),
      toBroker: (_leg, bytes) => toBroker.push(bytes, (packet) => say(`broker <- ${renderPacket(packet)}`)),
      readDevice: (wanted) => say(wanted ? 'reads the device again' : 'reads no more of the device'),
      readBroker: (_leg, wanted) => say(wanted ? 'reads the broker again' : 'reads no more of the broker'),
      deviceDone: ({ withWill }) => say(withWill ? 'the device is done, its will is wanted' : 'the device is done'),
      legOver: (leg, how, message) => say(`leg ${leg} is over: ${how}, ${message}`),
      detached: () => say('detached'),
      switched: (leg) => say(`leg ${leg} is active`),
      cutAborted: (leg, { kind, message }) => say(`the cut to leg ${leg} is taken back: ${kind}, ${message}`),
      leaving: (leg) => say(`leg ${leg} has given what it had`),
      drained: (leg) => say(`leg ${leg} stands by`),
      deliveredTwice: (count) => say(`${count} came twice`),
      subscriptionsChanged: () => undefined,
      failed: ({ side, reason, message }) => say(`failed: ${side}, 0x${reason.toString(16)}, ${message}`),
      deadlineMoved: () => undefined,
      adapted: (kind) => say(`adapted: ${kind}`),
      maySubscribe: () => true,
      obstructed: (obstacle, example) => say(`obstructed: ${obstacle}, ${example.slice(0, 40)}`),
      dropped: (reason) => say(`dropped: ${reason}`),
      recordDropped: ({ obstacle, topic, qos, payloadBytes }) => {
        say(`recorded: ${obstacle} ${topic.slice(0, 40)} qos=${qos}, ${payloadBytes} bytes`);
        return true;
      },
    };
  }
}

/** The trace of a script, one line each. */
export function traceOf(commands: readonly string[]): string[] {
  const script = new SessionScript();
  for (const command of commands) script.play(command);
  return script.lines;
}
