import type { AdminFailure } from '../admin/admin-backend.ts';
import type { BridgeBackend } from '../admin/bridge-backend.ts';
import type { BridgeDocument, BridgeRuleDocument, BridgeSummary } from '../admin/bridge-documents.ts';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import { openBridgeBoard } from '../bridge/directory-board.ts';
import type { BridgeBoard, RuleWish, SlotStatus } from '../bridge/bridge-status.ts';
import type { BridgeConfiguration, BridgeRuleConfiguration } from '../config/bridge-configuration.ts';
import { bridgeDocument, bridgeSummary } from './bridge-document.ts';
import { hasBridgeWork } from './bridge-work.ts';

export interface BridgeOperatorDeps {
  readonly bridge: Pick<BridgeConfiguration, 'rules' | 'spool' | 'runs'>;
  readonly board: BridgeBoard;
  /** Why the process of the bridge that belongs to this one does not work. */
  readonly problem: () => string | undefined;
}

type Answer<Value> = Result<Value, AdminFailure>;

/** What operators ask of the bridge and want of it, over the board: in the gateway, and in a bridge that runs alone. */
export class BridgeOperator implements BridgeBackend {
  readonly #deps: BridgeOperatorDeps;

  constructor(deps: BridgeOperatorDeps) {
    this.#deps = deps;
  }

  async bridge(): Promise<Answer<BridgeDocument>> {
    return this.#look();
  }

  /** Null without rules; what the board does not say is a problem in it. */
  summary(): BridgeSummary | null {
    const { bridge, problem } = this.#deps;
    const seen = this.#look();
    const document = seen.ok
      ? seen.value
      : bridgeDocument({ bridge, statuses: [], wishes: {}, problem: problem() ?? seen.error.message });
    return document.rules.length === 0 ? null : bridgeSummary(document);
  }

  /** Undefined: the board cannot be read now. */
  look(): BridgeDocument | undefined {
    const seen = this.#look();
    return seen.ok ? seen.value : undefined;
  }

  /** Of one process; none where the board cannot be read now. */
  slotsOf(process: string | undefined): readonly SlotStatus[] {
    const read = attempt(() => success(this.#deps.board.readStatuses()));
    const own = read.ok ? read.value.filter((status) => status.process === process) : [];
    return own.flatMap(({ slots }) => slots);
  }

  async pauseRule(name: string): Promise<Answer<BridgeRuleDocument>> {
    return this.#change(name, () => success({ isPaused: true }));
  }

  async resumeRule(name: string): Promise<Answer<BridgeRuleDocument>> {
    const { board } = this.#deps;
    const resumed = () => ({ isPaused: false, resumes: (board.readWishes()[name]?.resumes ?? 0) + 1 });
    return this.#change(name, () => success(resumed()));
  }

  async scaleRule(name: string, members: number): Promise<Answer<BridgeRuleDocument>> {
    return this.#change(name, (rule) => {
      const obstacle = obstacleToScale(rule);
      return obstacle === undefined ? success({ members }) : failure(obstacle);
    });
  }

  #change(name: string, wishOf: (rule: BridgeRuleConfiguration) => Answer<RuleWish>): Answer<BridgeRuleDocument> {
    const { bridge, board } = this.#deps;
    const rule = bridge.rules.find((candidate) => candidate.name === name);
    if (rule === undefined) {
      const known =
        bridge.rules.length === 0 ? 'the configuration has none' : bridge.rules.map((one) => one.name).join(', ');
      const message = `expected the name of a rule of the bridge (${known}), got ${JSON.stringify(name)}`;
      return failure({ kind: 'not-found', message });
    }
    return attempt(() => {
      if (isReadByNobody(bridge, board)) return failure(nobodyReads);
      const wish = wishOf(rule);
      if (!wish.ok) return wish;
      board.changeWish(name, wish.value);
      const seen = this.#look();
      if (!seen.ok) return seen;
      return success(seen.value.rules.find((candidate) => candidate.name === name) as BridgeRuleDocument);
    });
  }

  #look(): Answer<BridgeDocument> {
    const { bridge, board, problem } = this.#deps;
    return attempt(() => {
      const [statuses, wishes] = [board.readStatuses(), board.readWishes()];
      return success(bridgeDocument({ bridge, statuses, wishes, problem: problem() }));
    });
  }
}

/** A wish that is written where no process looks would never come true, and seem to. */
export const nobodyReads: AdminFailure = {
  kind: 'not-possible',
  message:
    'no process of the bridge uses this gateway’s bridge.directory (bridge.runs is alone): ask "crossfade bridge run" itself, at its bridge.admin',
};

/** Bridges that run alone have another directory than this process, or none of them lives. */
export function isReadByNobody(bridge: Pick<BridgeConfiguration, 'runs'>, board: BridgeBoard): boolean {
  return bridge.runs === 'alone' && board.readStatuses().length === 0;
}

function obstacleToScale({ share, partitions }: BridgeRuleConfiguration): AdminFailure | undefined {
  if (share !== undefined) return undefined;
  const message =
    partitions > 1
      ? 'the rule is divided into partitions, whose number is set in the configuration, and joins no share group'
      : 'the rule joins no share group: a second member would carry every message again. More of it is done by "partitions" in the configuration, or by several rules';
  return { kind: 'not-possible', message };
}

/** A directory that cannot be read or written now is no surprise. */
function attempt<Value>(work: () => Answer<Value>): Answer<Value> {
  try {
    return work();
  } catch (error) {
    return failure({ kind: 'unavailable', message: `the bridge's directory cannot be used: ${errorMessage(error)}` });
  }
}

/** The board of a configuration's bridge, which is not touched where there is nothing to carry. */
export function openBoard(bridge: Pick<BridgeConfiguration, 'rules' | 'directory'>): BridgeBoard {
  return hasBridgeWork(bridge) ? lazyBoard(bridge.directory) : emptyBoard;
}

/** A directory that cannot be used now may be later: each question opens it anew until it can. */
function lazyBoard(directory: string): BridgeBoard {
  let opened: BridgeBoard | undefined;
  const board = () => {
    opened ??= openBridgeBoard(directory);
    return opened;
  };
  return {
    readStatuses: () => board().readStatuses(),
    readWishes: () => board().readWishes(),
    changeWish: (rule, change) => board().changeWish(rule, change),
  };
}

/** Of a configuration without rules: there is nobody to ask, and no directory to make. */
const emptyBoard: BridgeBoard = {
  readStatuses: () => [],
  readWishes: () => ({}),
  changeWish: () => {},
};
