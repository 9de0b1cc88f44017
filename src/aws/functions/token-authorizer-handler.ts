import { systemClock } from '../../base/clock.ts';
import { lambdaLog } from './function-log.ts';
import { FunctionSettings } from './function-settings.ts';
import { createTokenAuthorizer } from './token-authorizer.ts';

/** The entry that Lambda calls; its settings are environment variables (docs/aws-functions.md). */
export const handler = openAuthorizer();

function openAuthorizer() {
  const settings = new FunctionSettings(process.env);
  const options = { policies: settings.policyTemplates(), times: settings.authorizerTimes() };
  return createTokenAuthorizer(options, { clock: systemClock, log: lambdaLog });
}
