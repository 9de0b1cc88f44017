import type { TopicRulePayload } from '@aws-sdk/client-iot';
import { readRuleAction } from '../rules/rule-actions.ts';
import { matchesRuleFilter } from '../rules/rule-filter.ts';
import type { RuleProgram } from '../rules/rule-program.ts';
import { parseSqlStatement } from '../rules/sql-parser.ts';
import type { Account, RuleRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const topicRuleOperations = {
  CreateTopicRule({ ruleName, topicRulePayload, tags }, { account, wallMs }) {
    expectName('rule', ruleName);
    const program = readProgram(account, topicRulePayload);
    const list = readTagging(tags);
    expectTags(account, list);
    const arn = arnOf(account.identity, 'rule', ruleName);
    account.rules.add(ruleName, {
      ...{ arn, name: ruleName, payload: topicRulePayload, program },
      ...{ isDisabled: topicRulePayload.ruleDisabled === true, createdMs: wallMs },
    });
    setTags(account, arn, list);
    return {};
  },

  ReplaceTopicRule({ ruleName, topicRulePayload }, { account }) {
    const record = ruleNamed(account, ruleName);
    const program = readProgram(account, topicRulePayload);
    const isDisabled = topicRulePayload.ruleDisabled === true;
    account.rules.replace(ruleName, { ...record, payload: topicRulePayload, program, isDisabled });
    return {};
  },

  GetTopicRule({ ruleName }, { account }) {
    const { arn, payload, isDisabled, createdMs } = ruleNamed(account, ruleName);
    return {
      ruleArn: arn,
      rule: {
        ...{ awsIotSqlVersion: '2015-10-08', ...payload, ruleName },
        ...{ ruleDisabled: isDisabled, createdAt: new Date(createdMs) },
      },
    };
  },

  /** A rule that is not there is deleted already. */
  DeleteTopicRule({ ruleName }, { account }) {
    const record = account.rules.find(ruleName);
    if (record === undefined) return {};
    account.rules.remove(ruleName);
    account.tagsByArn.delete(record.arn);
    return {};
  },

  EnableTopicRule({ ruleName }, { account }) {
    account.rules.replace(ruleName, { ...ruleNamed(account, ruleName), isDisabled: false });
    return {};
  },

  DisableTopicRule({ ruleName }, { account }) {
    account.rules.replace(ruleName, { ...ruleNamed(account, ruleName), isDisabled: true });
    return {};
  },

  ListTopicRules({ topic, maxResults, nextToken, ruleDisabled }, { account }) {
    const wanted = account.rules.all().filter(({ isDisabled, program }) => {
      if (ruleDisabled !== undefined && isDisabled !== ruleDisabled) return false;
      const { topicFilter } = program.statement;
      return topic === undefined || topicFilter === topic || matchesRuleFilter(topicFilter, topic);
    });
    const page = pageOf(wanted, ({ name }) => name, { size: maxResults, token: nextToken });
    return {
      rules: page.items.map(({ arn, name, isDisabled, createdMs, program }) => ({
        ...{ ruleArn: arn, ruleName: name, ruleDisabled: isDisabled, createdAt: new Date(createdMs) },
        ...(program.statement.topicFilter === undefined ? {} : { topicPattern: program.statement.topicFilter }),
      })),
      nextToken: page.next,
    };
  },
} satisfies Operations;

function readProgram({ limits }: Account, payload: TopicRulePayload): RuleProgram {
  const { sql = '', actions = [], errorAction, awsIotSqlVersion } = payload;
  if (Buffer.byteLength(JSON.stringify(payload)) > limits.ruleBytes) {
    throw new IotRefusal('LimitExceededException', `A rule may have ${limits.ruleBytes} bytes`);
  }
  if (actions.length > limits.actionsPerRule) throw invalidRequest(`A rule may have ${limits.actionsPerRule} actions`);
  if (awsIotSqlVersion !== undefined && !sqlVersions.includes(awsIotSqlVersion)) {
    throw invalidRequest(`Expected the SQL version ${sqlVersions.join(' or ')}, got ${awsIotSqlVersion}`);
  }
  return {
    statement: parseSqlStatement(sql),
    actions: actions.map(readRuleAction),
    errorAction: errorAction === undefined ? undefined : readRuleAction(errorAction),
  };
}

const sqlVersions: readonly string[] = ['2015-10-08', '2016-03-23', 'beta'];

/** The service does not tell a rule that is not there from one that the caller may not see. */
function ruleNamed({ rules }: Account, name: string): RuleRecord {
  const record = rules.find(name);
  if (record !== undefined) return record;
  throw new IotRefusal('UnauthorizedException', `Access to topic rule ${name} was denied`);
}

/** `x-amz-tagging`: a query string. */
function readTagging(tagging: string | undefined) {
  return [...new URLSearchParams(tagging ?? '')].map(([Key, Value]) => ({ Key, Value }));
}
