import type {
  AccountGate,
  Admission,
  ArrivedConnection,
  ConnectQuestion,
  TopicAction,
} from '../../src/emulator/account-gate.ts';

type Refused = Extract<Admission, { readonly admitted: false }>;

/** An account that says what a test tells it; at first it admits everybody to everything. */
export class ScriptedGate implements AccountGate {
  readonly questions: ConnectQuestion[] = [];
  /** `action topic` that are denied. */
  readonly denied = new Set<`${TopicAction} ${string}`>();
  /** By client ID. */
  readonly refusals = new Map<string, Refused['why']>();
  /** By client ID. */
  readonly thingNames = new Map<string, string>();
  /** By client ID. */
  readonly attributes = new Map<string, readonly (readonly [string, string])[]>();
  readonly endsAtWallMs = new Map<string, number>();
  acceptsAll = true;
  principalId = 'principal';
  /** Answers wait for it. */
  holding: Promise<void> = Promise.resolve();
  fault: Error | undefined;
  /** Called at each question. */
  handleQuestion: () => void = () => {};

  accepts(_connection: ArrivedConnection): boolean {
    return this.acceptsAll;
  }

  async admit(question: ConnectQuestion): Promise<Admission> {
    this.questions.push(question);
    this.handleQuestion();
    await this.holding;
    if (this.fault !== undefined) throw this.fault;
    const { clientId } = question;
    const why = this.refusals.get(clientId);
    if (why !== undefined) return { admitted: false, why, principalId: this.principalId };
    const endsAtWallMs = this.endsAtWallMs.get(clientId);
    return {
      admitted: true,
      client: {
        principalId: this.principalId,
        thingName: () => this.thingNames.get(clientId),
        allows: (action, name) => !this.denied.has(`${action} ${name}`),
        propagatedAttributes: () => this.attributes.get(clientId) ?? [],
        ...(endsAtWallMs === undefined ? {} : { endsAtWallMs }),
      },
    };
  }
}
