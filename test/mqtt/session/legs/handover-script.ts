import { type BrokerProfile, brokerProfiles } from '../../../../src/mqtt/broker-profiles.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../../../src/mqtt/control-packet.ts';
import type { SessionSubscriptions } from '../../../../src/mqtt/remembered-subscriptions.ts';
import { SessionMachine } from '../../../../src/mqtt/session-machine.ts';
import type { SessionPort } from '../../../../src/mqtt/session-port.ts';
import type { DeviceTerms, UndeliverablePolicy, UpstreamTerms } from '../../../../src/mqtt/session-terms.ts';
import { ModelReader } from '../model-packets.ts';
import { encodeWords, type PacketWords, renderPacket, wordsOf } from '../packet-text.ts';

/**
 * Plays the lines of a transcript of a session with several legs.
 *
 * `session device=V broker=V [profile=P] [broker-window=N] [device-window=N] [keep-alive=S] [broker-keep-alive=S]
 * [present earlier=FILTER]` begins on leg 1; `attach leg=N broker=V [profile=P] [broker-window=N] [broker-keep-alive=S] [present]` is the CONNACK of another one;
 * `fetch leg=N …` is the same to the broker of a former leg that was lost, and `forget` gives that one up;
 * `device PACKET` and `legN PACKET` are what comes in, several packets of one chunk parted by `;`, `first=N PACKET` and
 * `after=N PACKET` for a part of one; `cut [overlap=MS] [settle=MS] [leave=MS] [prompt=MS]`, `abort`, `dismiss leg=N`, `lost leg=N` and `quiesce` are the shell's; `pass N` lets N
 * milliseconds go by; `state` writes down where the session is.
 */
export class HandoverScript {
  readonly lines: string[] = [];
  readonly #protocolByLeg = new Map<number, ProtocolVersion>();
  #machine: SessionMachine | undefined;
  #device: ProtocolVersion = '3.1.1';
  #nowMs = 0;

  get machine(): SessionMachine {
    if (this.#machine === undefined) throw new Error('a transcript begins with a session');
    return this.#machine;
  }

  play(line: string): void {
    this.lines.push(`> ${line}`);
    const words = wordsOf(line);
    const leg = Number(words.values.get('leg'));
    const [command = '', ...rest] = line.split(' ');
    if (command === 'session') this.#begin(words);
    else if (command === 'attach') this.machine.attach(leg, this.#upstreamOf(words, leg), this.#nowMs);
    else if (command === 'cut') this.#cut(words);
    else if (command === 'fetch') this.#fetch(words, leg);
    else if (command === 'forget') this.machine.forgetFormer(this.#nowMs);
    else if (command === 'abort') this.machine.abortCut(this.#nowMs);
    else if (command === 'dismiss') this.machine.dismiss(leg, this.#nowMs);
    else if (command === 'lost') this.machine.handleBrokerLost(leg, this.#nowMs);
    else if (command === 'quiesce') this.machine.quiesce();
    else if (command === 'pass') this.#pass(Number(rest[0]));
    else if (command === 'state') this.#sayState();
    else this.#feed(command, rest.join(' '));
  }

  #cut({ values }: PacketWords): void {
    const options = {
      overlapMs: Number(values.get('overlap') ?? 1_500),
      settleMs: Number(values.get('settle') ?? 50),
      leaveMs: Number(values.get('leave') ?? 0),
      ...(values.has('prompt') && { promptMs: Number(values.get('prompt')) }),
    };
    if (!this.machine.cut(options, this.#nowMs)) this.lines.push('  no cut');
  }

  #fetch(words: PacketWords, leg: number): void {
    const isWanted = this.machine.attachFormer(leg, this.#upstreamOf(words, leg), this.#nowMs);
    if (!isWanted) this.lines.push('  not wanted');
  }

  #feed(from: string, said: string): void {
    const number = /^leg(\d+)$/.exec(from)?.[1];
    if (number === undefined && from !== 'device') throw new Error(`no command ${from}`);
    const leg = Number(number);
    const protocol = number === undefined ? this.#device : (this.#protocolByLeg.get(leg) ?? '3.1.1');
    const chunk = Buffer.concat(said.split('; ').map((packet) => bytesOf(packet, protocol)));
    if (number === undefined) this.machine.handleDeviceData(chunk, this.#nowMs);
    else this.machine.handleBrokerData(chunk, this.#nowMs, leg);
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

  #sayState(): void {
    const { phase, activeLeg, standingLeg, inflight } = this.machine;
    const active = activeLeg === undefined ? 'no leg is active' : `leg ${activeLeg} is active`;
    const standing = standingLeg === undefined ? '' : `, leg ${standingLeg} stands by`;
    const { awaitedLeg } = this.machine;
    const awaited = awaitedLeg === undefined ? '' : `, leg ${awaitedLeg} is awaited`;
    this.lines.push(`  ${phase}: ${active}${standing}${awaited}, ${inflight} unfinished`);
  }

  #begin(words: PacketWords): void {
    this.#device = (words.values.get('device') ?? '3.1.1') as ProtocolVersion;
    const earlier = words.values.get('earlier');
    this.#machine = new SessionMachine({
      device: deviceTerms(this.#device, words),
      upstream: this.#upstreamOf(words, 1),
      ...(earlier !== undefined && { subscriptions: subscribedEarlier(earlier) }),
      sessionExpiryInterval: 3_600,
      counts: { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) },
      port: this.#port(),
      nowMs: this.#nowMs,
    });
  }

  #upstreamOf({ values }: PacketWords, leg: number): UpstreamTerms {
    const protocol = (values.get('broker') ?? '3.1.1') as ProtocolVersion;
    this.#protocolByLeg.set(leg, protocol);
    const profile: BrokerProfile = brokerProfiles[values.get('profile') === 'aws-iot-core' ? 'aws-iot-core' : 'mqtt'];
    return {
      protocol,
      profile,
      capabilities: {
        maximumQos: profile.maximumQos,
        retainAvailable: true,
        wildcardSubscriptions: true,
        subscriptionIdentifiers: profile.subscriptionIdentifiers,
        sharedSubscriptions: true,
        receiveMaximum: Number(values.get('broker-window') ?? profile.inflightFromDevice),
        maximumPacketSize: profile.maxPacketBytes,
        maxSessionExpirySeconds: profile.maxSessionExpirySeconds,
      },
      keepAliveSeconds: Number(values.get('broker-keep-alive') ?? 0),
      sessionPresent: values.has('present'),
      undeliverable: (values.get('policy') ?? 'refuse') as UndeliverablePolicy,
      maxPacketBytes: Number(values.get('largest') ?? 4_194_304),
    };
  }

  #port(): SessionPort {
    const say = (line: string) => this.lines.push(`  ${line}`);
    const toDevice = new ModelReader(this.#device);
    const readers = new Map<number, ModelReader>();
    return {
      toDevice: (bytes) => toDevice.push(bytes, (packet) => say(`device <- ${renderPacket(packet)}`)),
      toBroker: (leg, bytes) => {
        const reader = readers.get(leg) ?? new ModelReader(this.#protocolByLeg.get(leg) ?? '3.1.1');
        readers.set(leg, reader);
        reader.push(bytes, (packet) => say(`leg${leg} <- ${renderPacket(packet)}`));
      },
      readDevice: (wanted) => say(wanted ? 'reads the device again' : 'reads no more of the device'),
      readBroker: (leg, wanted) => say(`reads ${wanted ? 'leg' : 'no more of leg'} ${leg}${wanted ? ' again' : ''}`),
      legOver: (leg, how, message) => say(`leg ${leg} is over (${how}): ${message}`),
      detached: (message) => say(`detached: ${message}`),
      switched: (leg) => say(`switched to leg ${leg}`),
      cutAborted: (leg, { kind, message }) => say(`the cut to leg ${leg} is off (${kind}): ${message}`),
      leaving: (leg) => say(`leg ${leg} has given what it had`),
      drained: (leg) => say(`leg ${leg} is drained`),
      deliveredTwice: (count) => say(`${count} came twice`),
      subscriptionsChanged: () => say('subscriptions changed'),
      deviceDone: ({ withWill }) => say(withWill ? 'the device is done, its will is wanted' : 'the device is done'),
      failed: ({ side, reason, message }) => say(`failed: ${side}, 0x${reason.toString(16)}, ${message}`),
      deadlineMoved: () => undefined,
      adapted: (kind) => say(`adapted: ${kind}`),
      maySubscribe: () => true,
      obstructed: (obstacle, example) => say(`obstructed: ${obstacle}, ${example.slice(0, 40)}`),
      dropped: (reason) => say(`dropped: ${reason}`),
      recordDropped: () => true,
    };
  }
}

/** The one subscription, at QoS 1, that an earlier connection of the session made. */
function subscribedEarlier(filter: string): SessionSubscriptions {
  const held = { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, granted: 1 } as const;
  return { subscriptionsKnown: true, held: [held] };
}

/** A packet, the first N bytes of one (`first=N PACKET`), or what is left of it (`after=N PACKET`). */
function bytesOf(said: string, protocol: ProtocolVersion): Buffer {
  const part = /^(first|after)=(\d+) /.exec(said);
  const bytes = encodeWords(wordsOf(said.slice(part?.[0].length ?? 0)), protocol);
  const at = Number(part?.[2]);
  if (part === null) return bytes;
  return Buffer.from(part[1] === 'first' ? bytes.subarray(0, at) : bytes.subarray(at));
}

function deviceTerms(protocol: ProtocolVersion, { values }: PacketWords): DeviceTerms {
  const is5 = protocol === '5';
  return {
    protocol,
    clientId: 'meter-7',
    keepAliveSeconds: Number(values.get('keep-alive') ?? 0),
    receiveMaximum: Number(values.get('device-window') ?? 65_535),
    maximumPacketSize: maxPacketBytes,
    told: {
      receiveMaximum: is5 ? 100 : 65_535,
      maximumPacketSize: maxPacketBytes,
      maximumQos: 2,
      retainAvailable: true,
      topicAliasMaximum: is5 ? 10 : 0,
      sharedSubscriptions: true,
      wildcardSubscriptions: true,
      subscriptionIdentifiers: is5,
    },
  };
}

/** The trace of a script, one line each. */
export function handoverTrace(commands: readonly string[]): string[] {
  const script = new HandoverScript();
  for (const command of commands) script.play(command);
  return script.lines;
}
