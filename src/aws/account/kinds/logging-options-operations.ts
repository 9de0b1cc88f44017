import type { LogLevel } from '@aws-sdk/client-iot';
import type { LoggingOptionsResource } from '../resource.ts';
import { type KindOperations, told } from './kind-operations.ts';

/** Always there, once for the account: never removed. */
export const loggingOptionsOperations: KindOperations<LoggingOptionsResource> = {
  async read(iot) {
    const { roleArn, defaultLogLevel, disableAllLogs = false } = await iot.getV2LoggingOptions({});
    return { properties: told({ roleArn: roleArn ?? null, defaultLogLevel: defaultLogLevel ?? null, disableAllLogs }) };
  },

  async create(iot, { properties }) {
    const { roleArn, defaultLogLevel, disableAllLogs } = properties;
    await iot.setV2LoggingOptions({ roleArn, defaultLogLevel: defaultLogLevel as LogLevel, disableAllLogs });
    return undefined;
  },

  async update(iot, resource) {
    await this.create(iot, resource, { Key: '', Value: '' });
  },

  async remove() {},
};
