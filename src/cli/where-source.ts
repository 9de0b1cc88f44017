import type { AdminClient } from '../admin/admin-client.ts';
import { toWhereDocument } from '../admin/where-document.ts';
import { type DeviceIdentity, type DeviceKeyKind, kindByIdentityName } from '../plan/device-key.ts';
import type { Plan } from '../plan/plan.ts';
import { answerOf } from './admin-access.ts';
import { CommandFailure } from './command-failure.ts';
import { type DeviceQuestion, toWhereQuery } from './device-question.ts';
import { exitCodes } from './exit-codes.ts';
import type { OfflinePlan } from './offline-plan.ts';
import type { WhereAnswer } from './where-rendering.ts';

/** Who answers where a device goes: a running gateway, or the plan at hand. */
export interface WhereSource {
  /** The kind that a bare DEVICE is of. */
  readonly firstKind: DeviceKeyKind;
  /** Answers in the order of the questions. */
  ask(questions: readonly DeviceQuestion[], options?: AskOptions): Promise<readonly WhereAnswer[]>;
}

export interface AskOptions {
  /** Also where the session is, which a plan alone cannot tell: every worker is asked for it. */
  readonly home?: boolean;
}

/** Requests under way at one time; the answers keep the order of the questions. */
const concurrentRequests = 32;

/** Asks the gateway. Its plan is the store's. */
export async function createGatewaySource(client: AdminClient): Promise<WhereSource> {
  const plan = await answerOf(client.plan());
  const askOne = async ({ device, identity }: DeviceQuestion, { home }: AskOptions): Promise<WhereAnswer> => {
    refuseSeveralUnits(identity, plan);
    const answer = await answerOf(client.where({ ...toWhereQuery(identity), ...(home && { home }) }));
    return { ...answer, device, planFrom: 'store' };
  };
  return {
    firstKind: firstKindOf(plan),
    async ask(questions, options = {}) {
      const answers: WhereAnswer[] = [];
      for (let start = 0; start < questions.length; start += concurrentRequests) {
        const some = questions.slice(start, start + concurrentRequests);
        answers.push(...(await Promise.all(some.map((question) => askOne(question, options)))));
      }
      return answers;
    },
  };
}

/** Answers from a plan without a gateway, by the same code that the gateway runs. */
export function createOfflineSource({ snapshot, planFrom }: OfflinePlan): WhereSource {
  return {
    firstKind: firstKindOf(snapshot.plan),
    ask: async (questions) =>
      questions.map(({ device, identity }) => ({ ...toWhereDocument(device, snapshot.assign(identity)), planFrom })),
  };
}

/** The API's question holds one organizational unit: an answer that ignores the others could be wrong. */
function refuseSeveralUnits({ certificate }: DeviceIdentity, { cohorts }: Plan): void {
  const units = certificate?.organizationalUnits?.length ?? 0;
  if (units < 2 || cohorts.every(({ match }) => match.certificate?.organizationalUnit === undefined)) return;
  throw new CommandFailure(
    exitCodes.failed,
    `the certificate has ${units} organizational units, and the admin API can be asked about one`,
    'ask with --config, which needs no gateway',
  );
}

function firstKindOf({ identity }: Plan): DeviceKeyKind {
  const [first] = identity;
  if (first === undefined) throw new Error('expected a plan with at least one identity, got none');
  return kindByIdentityName[first];
}
