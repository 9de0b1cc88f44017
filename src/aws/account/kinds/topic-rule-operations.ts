import type { Action, TopicRulePayload } from '@aws-sdk/client-iot';
import { isIotFailure } from '../../iot-failure.ts';
import type { ControlPlane } from '../../control-plane.ts';
import type { TopicRuleResource } from '../resource.ts';
import { type KindOperations, told } from './kind-operations.ts';

export const topicRuleOperations: KindOperations<TopicRuleResource> = {
  /** AWS answers the question for a rule that is not there with "denied", so the list decides whether it is there. */
  async read(iot, { name }) {
    try {
      return await readRule(iot, name);
    } catch (error) {
      if (isIotFailure(error, 'unauthorized') && !(await isListed(iot, name))) return undefined;
      throw error;
    }
  },

  async create(iot, { name, properties }, { Key, Value }) {
    const tags = `${encodeURIComponent(Key)}=${encodeURIComponent(Value)}`;
    await iot.createTopicRule({ ruleName: name, topicRulePayload: payloadOf(properties), tags });
    return undefined;
  },

  async update(iot, { name, properties }) {
    await iot.replaceTopicRule({ ruleName: name, topicRulePayload: payloadOf(properties) });
  },

  async remove(iot, { name }) {
    await iot.deleteTopicRule({ ruleName: name });
  },
};

async function readRule(iot: ControlPlane, ruleName: string) {
  const { ruleArn, rule = {} } = await iot.getTopicRule({ ruleName });
  const { sql, awsIotSqlVersion, description = '', ruleDisabled = false, actions = [], errorAction = null } = rule;
  return {
    ...(ruleArn !== undefined && { arn: ruleArn }),
    properties: told({ sql, awsIotSqlVersion, description, ruleDisabled, actions, errorAction }),
  };
}

async function isListed(iot: ControlPlane, ruleName: string): Promise<boolean> {
  let nextToken: string | undefined;
  do {
    const page = await iot.listTopicRules({ ...(nextToken !== undefined && { nextToken }) });
    if (page.rules?.some((rule) => rule.ruleName === ruleName)) return true;
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return false;
}

function payloadOf(properties: TopicRuleResource['properties']): TopicRulePayload {
  const { sql, awsIotSqlVersion, description, ruleDisabled, actions, errorAction } = properties;
  return {
    sql,
    awsIotSqlVersion,
    description,
    ruleDisabled,
    actions: [...actions] as Action[],
    ...(errorAction !== null && { errorAction: errorAction as Action }),
  };
}
