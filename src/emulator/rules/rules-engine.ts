import { errorMessage } from '../../base/errors.ts';
import { topicNameFault } from '../../mqtt/topic.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Account, RuleRecord } from '../account/account.ts';
import type { AcceptedMessage, MessageBroker } from '../account-gate.ts';
import type { RuleAction } from './rule-actions.ts';
import type { RuleDestinations } from './rule-destinations.ts';
import { matchesRuleFilter } from './rule-filter.ts';
import { evaluateStatement, type RuleOutput, readSqlInput, type SqlInput } from './sql-evaluation.ts';
import { renderTemplate } from './substitution-template.ts';

export interface RulesEngineOptions {
  readonly account: Account;
  readonly broker: Pick<MessageBroker, 'publish'>;
  readonly destinations: RuleDestinations;
  readonly log: Pick<Logger, 'warn'>;
  /** Messages whose rules run at the same time; a further one's rules do not. */
  readonly maxRunning?: number;
}

export interface RulesEngine {
  accept(message: AcceptedMessage): void;
  /** Resolves when no rule runs. */
  settled(): Promise<void>;
  /** Nothing that is accepted from now on meets a rule; resolves when no rule runs. */
  stop(): Promise<void>;
}

export const maxRunningDefault = 10_000;

/** Runs the rules that a message meets. An action's failure is the error action's business, and nobody else's. */
export function createRulesEngine(options: RulesEngineOptions): RulesEngine {
  const { account, log, maxRunning = maxRunningDefault } = options;
  const running = new Set<Promise<void>>();
  let isStopped = false;

  async function settled(): Promise<void> {
    while (running.size > 0) await Promise.all(running);
  }

  return {
    settled,
    async stop() {
      isStopped = true;
      await settled();
    },
    accept(message) {
      if (isStopped) return;
      const met = rulesFor(account, message.topic);
      if (met.length === 0) return;
      if (running.size >= maxRunning) {
        log.warn({ topic: message.topic }, 'too many rules run: a message has been dropped');
        return;
      }
      const run = Promise.withResolvers<void>();
      running.add(run.promise);
      // A rule may meet what it republishes: a turn of the loop apart, that cannot stop everything else.
      setImmediate(async () => {
        const outcomes = await Promise.allSettled(met.map((rule) => runRule(rule, message, options)));
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') log.warn({ error: errorMessage(outcome.reason) }, 'a rule has failed');
        }
        running.delete(run.promise);
        run.resolve();
      });
    },
  };
}

const basicIngest = /^\$aws\/rules\/([^/]+)\/?(.*)$/;

/** By FROM, or the one that Basic Ingest names. */
function rulesFor({ rules }: Account, topic: string): RuleRecord[] {
  const [, named] = basicIngest.exec(topic) ?? [];
  if (named === undefined) {
    return rules
      .all()
      .filter(({ isDisabled, program }) => !isDisabled && matchesRuleFilter(program.statement.topicFilter, topic));
  }
  const rule = rules.find(named);
  return rule === undefined || rule.isDisabled ? [] : [rule];
}

async function runRule(rule: RuleRecord, message: AcceptedMessage, options: RulesEngineOptions): Promise<void> {
  const { identity, identifiers } = options.account;
  const input = readSqlInput({
    ...message,
    topic: basicIngest.exec(message.topic)?.[2] ?? message.topic,
    ...{ accountId: identity.accountId, traceId: identifiers.uuid(), uuid: () => identifiers.uuid() },
  });
  const output = evaluateStatement(rule.program.statement, input);
  if (output === undefined) return;
  const outcomes = await Promise.allSettled(
    rule.program.actions.map((action) => perform(action, output, input, options)),
  );
  const failures = outcomes.flatMap((outcome, index) => {
    const action = rule.program.actions[index];
    if (outcome.status === 'fulfilled' || action === undefined) return [];
    return [{ ...namesOf(action, input), errorMessage: errorMessage(outcome.reason) }];
  });
  if (failures.length === 0) return;
  options.log.warn({ rule: rule.name, failures }, 'an action of a rule has failed');
  const { errorAction } = rule.program;
  if (errorAction === undefined) return;
  const object = failureDocument(rule, input, failures);
  try {
    await perform(errorAction, { kind: 'object', object }, input, options);
  } catch (error) {
    options.log.warn({ rule: rule.name, error: errorMessage(error) }, 'the error action of a rule has failed');
  }
}

function failureDocument(rule: RuleRecord, { message }: SqlInput, failures: readonly object[]) {
  return {
    ...{ ruleName: rule.name, topic: message.topic, cloudwatchTraceId: message.traceId },
    ...(message.clientId === undefined ? {} : { clientId: message.clientId }),
    ...{ base64OriginalPayload: message.payload.toString('base64'), failures },
  };
}

async function perform(action: RuleAction, output: RuleOutput, input: SqlInput, options: RulesEngineOptions) {
  switch (action.kind) {
    case 's3': {
      const key = renderTemplate(action.key, input);
      return options.destinations.writeObject(renderTemplate(action.bucket, input), key, bytesOf(output));
    }
    case 'republish':
      return republish(action, output, input, options);
    case 'lambda': {
      const event = output.kind === 'object' ? output.object : input.document;
      if (event === undefined) throw new Error('A function takes no binary payload: encode(*, …) it');
      await options.account.functions.invoke(action.functionArn, event);
      return;
    }
    case 'cloudwatchLogs':
      return options.destinations.appendLog(renderTemplate(action.logGroup, input), bytesOf(output).toString('utf8'));
    default:
      return action satisfies never;
  }
}

function republish(
  action: Extract<RuleAction, { kind: 'republish' }>,
  output: RuleOutput,
  input: SqlInput,
  { broker }: RulesEngineOptions,
): void {
  const topic = renderTemplate(action.topic, input);
  const fault = topicNameFault(topic);
  if (fault !== undefined) throw new Error(`The topic to republish to is not valid: ${fault}`);
  const userProperties = action.userProperties.map(
    ([name, value]) => [renderTemplate(name, input), renderTemplate(value, input)] as const,
  );
  broker.publish({ topic, payload: bytesOf(output), qos: action.qos, userProperties });
}

function bytesOf(output: RuleOutput): Buffer {
  return output.kind === 'bytes' ? output.bytes : Buffer.from(JSON.stringify(output.object));
}

/** As the error action's message names what failed. */
function namesOf(
  action: RuleAction,
  input: SqlInput,
): { readonly failedAction: string; readonly failedResource: string } {
  switch (action.kind) {
    case 's3':
      return { failedAction: 'S3Action', failedResource: renderTemplate(action.bucket, input) };
    case 'republish':
      return { failedAction: 'RepublishAction', failedResource: renderTemplate(action.topic, input) };
    case 'lambda':
      return { failedAction: 'LambdaAction', failedResource: action.functionArn };
    case 'cloudwatchLogs':
      return { failedAction: 'CloudwatchLogsAction', failedResource: renderTemplate(action.logGroup, input) };
    default:
      return action satisfies never;
  }
}
