import { BridgeOperator } from '../../src/app/bridge-operator.ts';
import type { BridgeBoard, ProcessStatus, RuleWish, SlotMessages, SlotStatus } from '../../src/bridge/bridge-status.ts';
import type { BridgeRuleConfiguration } from '../../src/config/bridge-configuration.ts';

const nothing: SlotMessages = {
  ...{ received: 0, carried: 0, carriedBytes: 0, spooled: 0, duplicatesSuppressed: 0 },
  ...{ resent: 0, echoes: 0, loopsBroken: 0, sessionsLost: 0, dropped: {}, deadLetters: {} },
};

type SlotChoice = Partial<Omit<SlotStatus, 'messages'>> & { readonly messages?: Partial<SlotMessages> };

/** A member of a rule that runs, with nothing to carry. */
export function slotStatus(rule: string, index: number, { messages, ...more }: SlotChoice = {}): SlotStatus {
  return {
    ...{ rule, slot: `${index}`, place: { kind: 'member', index, count: 1 }, state: 'running', isSubscribed: true },
    lanes: [{ number: 0, isOpen: true, messages: 0 }],
    messages: { ...nothing, ...messages },
    ...{ messagesPerSecond: 0, bytesPerSecond: 0, spool: { messages: 0, bytes: 0 } },
    ...more,
  };
}

export function processStatus(process: string, slots: readonly SlotStatus[]): ProcessStatus {
  const startedAtMs = Date.parse('2026-03-01T12:00:00.000Z');
  return { process, pid: Number.parseInt(process, 10), startedAtMs, writtenAtMs: startedAtMs + 500, slots };
}

export function bridgeRule(name: string, more: Partial<BridgeRuleConfiguration> = {}): BridgeRuleConfiguration {
  return {
    ...{ name, from: 'legacy', to: 'aws', filter: `${name}/#`, stripPrefix: '', addPrefix: '', qos: 1 },
    ...{ members: 1, partitions: 1, order: 'parallel', lanes: 'auto', retained: 'never', undeliverable: 'deadLetter' },
    ...more,
  };
}

/** A board in memory that takes every wish. */
export class FakeBoard implements BridgeBoard {
  statuses: readonly ProcessStatus[] = [];
  wishes: Readonly<Record<string, RuleWish>> = {};
  /** When set, nothing can be read or written. */
  broken: Error | undefined;

  readStatuses(): readonly ProcessStatus[] {
    return this.#unbroken(this.statuses);
  }

  readWishes(): Readonly<Record<string, RuleWish>> {
    return this.#unbroken(this.wishes);
  }

  changeWish(rule: string, change: RuleWish): void {
    this.wishes = this.#unbroken({ ...this.wishes, [rule]: { ...this.wishes[rule], ...change } });
  }

  #unbroken<Value>(value: Value): Value {
    if (this.broken !== undefined) throw this.broken;
    return value;
  }
}

export const spoolBounds = { maxBytes: 1_048_576, maxAgeSeconds: 60, afterMs: 500 };

export function bridgeOperator(
  board: BridgeBoard,
  rules: readonly BridgeRuleConfiguration[],
  { runs = 'gateway', problem }: { readonly runs?: 'gateway' | 'alone'; readonly problem?: string } = {},
): BridgeOperator {
  const bridge = { rules: [...rules], spool: spoolBounds, runs };
  return new BridgeOperator({ bridge, board, problem: () => problem });
}
