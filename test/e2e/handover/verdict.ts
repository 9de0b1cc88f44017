import type { BackendReport } from './backend-process.ts';
import type { DelaySummary } from './delay-histogram.ts';
import { type DeviceMessage, devicePlan } from './fleet-plan.ts';
import type { DeviceReport, FleetReport } from './fleet-process.ts';
import type { Outage } from './handover-world.ts';
import type { MoveRecord } from './move-record.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** What a run showed; everything that the checks ask. */
export interface Findings {
  readonly fleet: FleetReport;
  readonly backend: BackendReport;
  readonly lostTelemetry: readonly LostTelemetry[];
  /** Acknowledged to a backend and at no device, with when they were sent. */
  readonly lostCommands: readonly LostCommand[];
  readonly moves: readonly MoveRecord[];
  /** Devices that one broker serves and the gateway says another of, after all moves; and how many were asked. */
  readonly misplaced: readonly string[];
  readonly mirrorUnderWay: number;
  readonly outages: readonly Outage[];
}

export interface LostCommand extends DeviceMessage {
  readonly sentMs: number;
  readonly excuse: 'away' | 'broker-lost' | undefined;
}

export interface LostTelemetry extends DeviceMessage {
  readonly acknowledgedMs: number;
  /** The broker had taken it, and was killed before it had passed it on. */
  readonly isWithBroker: boolean;
}

/** What a run may do, because of its faults. */
export interface Allowances {
  /** The gateway was killed, or devices are moved by reconnecting. */
  readonly reconnects: boolean;
  readonly wills: boolean;
  /** Disturbed moves may end as failed, with a reason, or be forgotten by a gateway that was killed. */
  readonly failedMoves: boolean;
  /** A broker came back with an empty memory, or a SUBSCRIBE died with the gateway. */
  readonly retainedMissing: boolean;
  /** Sessions that do not move live stay where they are. */
  readonly staying: boolean;
  /** Milliseconds; absent: not judged. */
  readonly commitMs?: number;
  readonly addedDelayMs?: number;
}

/** Compares what was acknowledged with what arrived, and says of each promise whether it was kept. */
export function judge(findings: Findings, allowances: Allowances): readonly Check[] {
  return [
    ...judgeConnections(findings, allowances),
    ...judgeMessages(findings),
    ...judgeSideEffects(findings, allowances),
    ...judgeMoves(findings, allowances),
    ...judgeDelay(findings.fleet, allowances),
  ];
}

/** Numbers that were acknowledged to their sender and did not arrive. */
export function lostNumbers(options: {
  readonly sent: number;
  readonly unacknowledged: readonly number[];
  readonly arrived: { readonly missing: readonly number[]; readonly largest: number };
}): readonly number[] {
  const { sent, unacknowledged, arrived } = options;
  const open = new Set(unacknowledged);
  const beyond = Array.from({ length: Math.max(0, sent - arrived.largest) }, (_, index) => arrived.largest + index + 1);
  return [...arrived.missing, ...beyond].filter((number) => number <= sent && !open.has(number));
}

export function missingTelemetry(fleet: FleetReport, backend: BackendReport): readonly DeviceMessage[] {
  return fleet.devices.flatMap(({ index, published, unacknowledged }) => {
    const arrived = backend.devices[index]?.telemetry ?? { missing: [], largest: 0 };
    return lostNumbers({ sent: published, unacknowledged, arrived }).map((number) => ({ index, number }));
  });
}

export function missingCommands(fleet: FleetReport, backend: BackendReport): readonly DeviceMessage[] {
  return backend.devices.flatMap(({ index, commandsSent, commandsUnacknowledged: unacknowledged }) => {
    const arrived = fleet.devices[index]?.commands ?? { missing: [], largest: 0 };
    return lostNumbers({ sent: commandsSent, unacknowledged, arrived }).map((number) => ({ index, number }));
  });
}

/** A message that was under way when its receiver went may be lost by the standard. */
const underWayMs = 2_000;
/** An acknowledgement that a broker gave before its end may reach the sender so much later. */
const farewellMs = 200;

/** What a broker acknowledged right before its end may have died with it. */
export function isWithBroker(acknowledgedMs: number, outages: readonly Outage[]): boolean {
  return outages.some(({ fromMs }) => acknowledgedMs >= fromMs - underWayMs && acknowledgedMs <= fromMs + farewellMs);
}

/** Devices of a busy machine notice late that their gateway was killed, but their connections ended with it. */
const noticedWithinMs = 10_000;

/** The device's absences, begun when the gateway was killed rather than when it noticed. */
export function awaySince(device: DeviceReport, killsMs: readonly number[]): DeviceReport {
  const absences = device.absences.map((absence) => {
    const since = absence.fromMs - noticedWithinMs;
    const kill = killsMs.findLast((killMs) => killMs >= since && killMs <= absence.fromMs);
    return { ...absence, fromMs: kill ?? absence.fromMs };
  });
  return { ...device, absences };
}

/** A session that ends with its connection has no claim on what is sent while it is away. */
export function excuseOf(
  sentMs: number,
  device: DeviceReport,
  outages: readonly Outage[],
): 'away' | 'broker-lost' | undefined {
  const isIn = (fromMs: number, toMs: number) => sentMs >= fromMs - underWayMs && sentMs <= toMs + underWayMs;
  const wasAway = device.absences.some(({ fromMs, toMs }) => isIn(fromMs, toMs ?? Number.POSITIVE_INFINITY));
  if (wasAway && !devicePlan(device.index).isPersistent) return 'away';
  return outages.some(({ fromMs, toMs }) => isIn(fromMs, toMs)) ? 'broker-lost' : undefined;
}

function judgeConnections({ fleet }: Findings, { reconnects }: Allowances): readonly Check[] {
  const closed = fleet.devices.filter(({ closes }) => closes > 0);
  const closes = sum(fleet.devices, (device) => device.closes);
  const example = closed[0] === undefined ? '' : `; dev-${closed[0].index}: ${closed[0].lastClose}`;
  const resubscribed = sum(fleet.devices, ({ sessionsLost }) => sessionsLost);
  const absent = fleet.devices.filter(({ isReady }) => !isReady);
  return [
    tolerant('no TLS connection of a device was closed', {
      isTolerated: reconnects,
      isSo: closes === 0,
      detail: `${closes} closes${example}`,
    }),
    check('no persistent device had to subscribe again', resubscribed === 0, `${resubscribed} times`),
    check('every device is connected in the end', absent.length === 0, `${absent.length} are not${namesOf(absent)}`),
  ];
}

function judgeMessages({ fleet, backend, lostTelemetry: telemetry, lostCommands: commands }: Findings) {
  const published = sum(fleet.devices, (device) => device.published);
  const sent = sum(backend.devices, ({ commandsSent }) => commandsSent);
  const unanswered = sum(fleet.devices, ({ unacknowledged }) => unacknowledged.length);
  const unanswerable = sum(backend.devices, ({ commandsUnacknowledged }) => commandsUnacknowledged.length);
  const lost = telemetry.filter((message) => !message.isWithBroker);
  const inexcusable = commands.filter(({ excuse }) => excuse === undefined);
  const strangers = [...backend.strangers, ...fleet.devices.flatMap((device) => device.strangers)];
  return [
    check(
      'every acknowledged telemetry message is at a broker',
      lost.length === 0,
      `${lost.length} of ${published} missing${exampleOf(lost)}; ${telemetry.length - lost.length} more that a killed broker had`,
    ),
    check('every telemetry message was acknowledged', unanswered === 0, `${unanswered} still wait`),
    check(
      'every acknowledged command is at its device',
      inexcusable.length === 0,
      `${inexcusable.length} of ${sent} missing${exampleOf(inexcusable)}; ` +
        `${commands.length - inexcusable.length} more while their device was away or their broker lost`,
    ),
    check('every command was acknowledged', unanswerable === 0, `${unanswerable} still wait`),
    check('nothing was invented', strangers.length === 0, `${strangers.length} strangers ${strangers[0] ?? ''}`),
  ];
}

function judgeSideEffects({ fleet, backend, misplaced, mirrorUnderWay }: Findings, allowances: Allowances) {
  const repeated = fleet.devices.filter(({ retainedReceived, subscribes }) => retainedReceived > subscribes);
  const repeats = sum(repeated, ({ retainedReceived, subscribes }) => retainedReceived - subscribes);
  const missing = fleet.devices.filter(({ retainedReceived, subscribes }) => retainedReceived < subscribes).length;
  const [will] = backend.wills;
  return [
    tolerant('no will was published', {
      isTolerated: allowances.wills,
      isSo: will === undefined,
      detail: `${backend.wills.length} wills${will === undefined ? '' : `, the first of ${will.clientId} at ${will.side}`}`,
    }),
    check('no retained message came twice', repeats === 0, `${repeats} repeats${namesOf(repeated)}`),
    tolerant('every SUBSCRIBE brought the retained message', {
      isTolerated: allowances.retainedMissing,
      isSo: missing === 0,
      detail: `${missing} devices lack one`,
    }),
    check(
      'every session is where the gateway says',
      misplaced.length === 0,
      `${misplaced.length} are not${misplaced[0] === undefined ? '' : `: ${misplaced.slice(0, 3).join('; ')}`}`,
    ),
    check('the mirror has nothing left', mirrorUnderWay === 0, `${mirrorUnderWay} messages under way`),
  ];
}

function judgeMoves({ moves }: Findings, { failedMoves, staying, commitMs }: Allowances): readonly Check[] {
  return moves.flatMap((move) => {
    const hasReason = move.state === 'forgotten' || (move.state === 'failed' && move.message !== null);
    const ended = check(
      `${move.name} ended as it should`,
      move.state === 'done' || (failedMoves && move.isDisturbed && hasReason),
      `${move.state}, ${move.moved} of ${move.eligible} moved, ${move.refused} refused${move.message === null ? '' : `: ${move.message}`}`,
    );
    if (move.isDisturbed) return [ended];
    const { switchedMs, leftBehind, reasons } = move;
    const complete = check(
      `${move.name} moved everybody`,
      staying || leftBehind === 0,
      `${leftBehind} left behind${reasons[0] === undefined ? '' : `, such as ${reasons[0]}`}`,
    );
    if (commitMs === undefined) return [ended, complete];
    return [
      ended,
      complete,
      check(`${move.name} took effect in ${commitMs} ms`, switchedMs < commitMs, `${Math.round(switchedMs)} ms`),
    ];
  });
}

function judgeDelay({ commandDelays }: FleetReport, { addedDelayMs }: Allowances): readonly Check[] {
  const { before, move } = commandDelays;
  if (addedDelayMs === undefined || before === undefined || move === undefined) return [];
  const added = move.p99Ms - before.p99Ms;
  return [
    check(
      `moves add less than ${addedDelayMs} ms to the p99 of command delivery`,
      added < addedDelayMs,
      `${added} ms: ${describeDelay(before)} before, ${describeDelay(move)} during moves`,
    ),
  ];
}

export function describeDelay({ p50Ms, p99Ms, largestMs }: DelaySummary): string {
  return `p50 ${p50Ms}, p99 ${p99Ms}, at most ${largestMs} ms`;
}

function check(name: string, ok: boolean, detail: string): Check {
  return { name, ok, detail };
}

/** A check that fails nothing when the run's fault may do that. */
function tolerant(
  name: string,
  { isTolerated, isSo, detail }: { readonly isTolerated: boolean; readonly isSo: boolean; readonly detail: string },
): Check {
  return check(name, isSo || isTolerated, isSo || !isTolerated ? detail : `not so, as this run may: ${detail}`);
}

function exampleOf([first]: readonly DeviceMessage[]): string {
  return first === undefined ? '' : `, such as number ${first.number} of dev-${first.index}`;
}

function namesOf(devices: readonly DeviceReport[]): string {
  const named = devices.slice(0, 5).map(({ index }) => `dev-${index}`);
  return named.length === 0 ? '' : `, such as ${named.join(', ')}`;
}

function sum<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  return items.reduce((total, item) => total + figure(item), 0);
}
