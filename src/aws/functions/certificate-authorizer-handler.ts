import { createCertificateAuthorizer } from './certificate-authorizer.ts';
import { certificateCheckFrom } from './check-from-settings.ts';
import { lambdaLog } from './function-log.ts';
import { FunctionSettings } from './function-settings.ts';

/** The entry that Lambda calls; its settings are environment variables (docs/aws-functions.md). */
export const handler = openAuthorizer();

function openAuthorizer() {
  const settings = new FunctionSettings(process.env);
  const options = {
    policyDocuments: settings.policyDocuments(),
    clientIdPolicy: settings.clientIdPolicy(),
    times: settings.authorizerTimes(),
  };
  return createCertificateAuthorizer(options, { check: certificateCheckFrom(settings), log: lambdaLog });
}
