import type { LogLevel, LogTarget } from '@aws-sdk/client-iot';
import { expectOneOf } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';

export const loggingOperations = {
  SetV2LoggingOptions(input, { account }) {
    const present = account.settings.logging;
    const roleArn = input.roleArn ?? present?.roleArn;
    const { defaultLogLevel = present?.defaultLogLevel ?? 'ERROR', disableAllLogs = present?.disableAllLogs ?? false } =
      input;
    if (roleArn === undefined && !disableAllLogs) throw invalidRequest('Expected a roleArn to log under');
    expectLevel(defaultLogLevel);
    account.settings.logging = {
      ...{ roleArn, defaultLogLevel, disableAllLogs },
      eventConfigurations: input.eventConfigurations ?? present?.eventConfigurations ?? [],
    };
    return {};
  },

  GetV2LoggingOptions({ verbose = false }, { account }) {
    const { logging } = account.settings;
    if (logging === undefined) throw new IotRefusal('NotConfiguredException', 'The logging options are not configured');
    return {
      ...(logging.roleArn === undefined ? {} : { roleArn: logging.roleArn }),
      ...{ defaultLogLevel: logging.defaultLogLevel, disableAllLogs: logging.disableAllLogs },
      ...(verbose || logging.eventConfigurations.length > 0
        ? { eventConfigurations: [...logging.eventConfigurations] }
        : {}),
    };
  },

  SetV2LoggingLevel({ logTarget, logLevel }, { account }) {
    if (account.settings.logging === undefined) {
      throw new IotRefusal('NotConfiguredException', 'The logging options are not configured');
    }
    expectLevel(logLevel);
    expectOneOf('logTarget.targetType', logTarget.targetType, targetTypes);
    if (logTarget.targetType !== 'DEFAULT' && (logTarget.targetName ?? '') === '') {
      throw invalidRequest(`Expected a targetName with the target type ${logTarget.targetType}`);
    }
    const { loggingLevels, limits } = account;
    const key = keyOf(logTarget);
    if (!loggingLevels.has(key) && loggingLevels.size >= limits.loggingLevels) {
      throw new IotRefusal('LimitExceededException', `An account may have ${limits.loggingLevels} logging levels`);
    }
    loggingLevels.set(key, { target: logTarget, level: logLevel });
    return {};
  },

  DeleteV2LoggingLevel({ targetType, targetName }, { account }) {
    account.loggingLevels.delete(keyOf({ targetType, targetName }));
    return {};
  },

  ListV2LoggingLevels({ targetType, nextToken, maxResults }, { account }) {
    const levels = [...account.loggingLevels.values()].filter(
      ({ target }) => targetType === undefined || target.targetType === targetType,
    );
    const page = pageOf(levels, ({ target }) => keyOf(target), { size: maxResults, token: nextToken });
    return {
      logTargetConfigurations: page.items.map(({ target, level }) => ({ logTarget: target, logLevel: level })),
      nextToken: page.next,
    };
  },
} satisfies Operations;

const levels: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'DISABLED'];

const targetTypes: readonly string[] = ['DEFAULT', 'THING_GROUP', 'CLIENT_ID', 'SOURCE_IP', 'PRINCIPAL_ID'];

function expectLevel(level: LogLevel): void {
  if (!levels.includes(level)) throw invalidRequest(`Expected a log level of ${levels.join(', ')}, got ${level}`);
}

function keyOf({ targetType, targetName = '' }: LogTarget): string {
  return `${targetType}|${targetName}`;
}
