import type { DeliveryTally } from './delivery-ledger.ts';
import type { StrayDevice } from './placement-watch.ts';

/** What `crossfade demo --json` prints; its README describes the fields. */
export interface DemoReport {
  readonly ok: boolean;
  readonly devices: number;
  readonly mix: FleetMix;
  readonly source: string;
  readonly target: string;
  readonly steps: readonly StepReport[];
  readonly messages: DeliveryTally;
  readonly checks: readonly DemoCheck[];
  /** Milliseconds from the start of the brokers to the last check. */
  readonly durationMs: number;
}

/** How many devices of the fleet have each trait. */
export interface FleetMix {
  readonly mqtt31: number;
  readonly mqtt311: number;
  readonly mqtt5: number;
  readonly serverName: number;
  readonly alpn: number;
  readonly persistent: number;
}

/** Where the fleet was after one step. */
export interface StepReport {
  readonly name: string;
  readonly weightBps: number;
  readonly revision: number;
  /** Devices that each broker really serves. */
  readonly onSource: number;
  readonly onTarget: number;
  /** Devices that the plan wants on the target. */
  readonly expectedOnTarget: number;
  /** Devices that are not where the plan says; at most 20 are listed. */
  readonly misplaced: number;
  readonly strays: readonly StrayDevice[];
  /** Devices that another broker serves than before the step. */
  readonly moved: number;
  /** Connections that devices lost from the request until the end of the step. */
  readonly reconnects: number;
  /** How the move ended; null for the step that moves nobody. */
  readonly move: string | null;
  /** Devices that received the command that was sent to each after the step. */
  readonly commandsReceived: number;
  /** Whether `GET /v1/status` counts the sessions as the brokers do. */
  readonly statusAgrees: boolean;
  /** Milliseconds from the request (the first step: the first connect) until every device was in place. */
  readonly durationMs: number;
}

export interface DemoCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
}

/** Every promise of the demo, held against what was seen. */
export function judgeDemo(
  devices: number,
  steps: readonly StepReport[],
  { acknowledged, lost, strangers, unacknowledged }: DeliveryTally,
): readonly DemoCheck[] {
  const missing = lost[1] + lost[2];
  return [
    ...steps.flatMap((step) => judgeStep(devices, step)),
    {
      name: 'no acknowledged QoS 1 or 2 message is missing at the brokers',
      ok: missing === 0,
      detail: `${missing} of ${acknowledged[1] + acknowledged[2]} missing`,
    },
    {
      name: 'every QoS 1 and 2 message was acknowledged',
      ok: unacknowledged === 0,
      detail: `${unacknowledged} still wait`,
    },
    { name: 'nothing arrived that its device did not send', ok: strangers === 0, detail: `${strangers} arrived` },
  ];
}

function judgeStep(devices: number, step: StepReport): readonly DemoCheck[] {
  const { misplaced, move, commandsReceived, reconnects, statusAgrees } = step;
  const first = step.strays[0];
  const example =
    first === undefined
      ? ''
      : `; ${first.device} should be on ${first.expected}, is ${first.isConnected ? 'connected' : 'not connected'}, ` +
        `held by ${first.heldBy.join(' and ') || 'nobody'}, last error: ${first.lastError ?? 'none'}`;
  return [
    {
      name: `${step.name}: every device is where the plan says`,
      ok: misplaced === 0,
      detail: `${devices - misplaced} of ${devices}${example}`,
    },
    {
      name: `${step.name}: no device reconnects`,
      ok: reconnects === 0,
      detail: `${reconnects} reconnects`,
    },
    {
      name: `${step.name}: every device receives its command`,
      ok: commandsReceived === devices,
      detail: `${commandsReceived} of ${devices}`,
    },
    {
      name: `${step.name}: the gateway's status agrees with the brokers`,
      ok: statusAgrees,
      detail: statusAgrees ? 'it does' : 'it does not',
    },
    ...(move === null ? [] : [{ name: `${step.name}: the move ends as done`, ok: move === 'done', detail: move }]),
  ];
}
