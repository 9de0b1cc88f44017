import { createCertificateValidation } from './certificate-validation.ts';
import { certificateCheckFrom } from './check-from-settings.ts';
import { lambdaLog } from './function-log.ts';
import { FunctionSettings } from './function-settings.ts';

/** The entry that Lambda calls; its settings are environment variables (docs/aws-functions.md). */
export const handler = openValidation();

function openValidation() {
  const settings = new FunctionSettings(process.env);
  settings.required('CROSSFADE_CA_FILES');
  return createCertificateValidation({ check: certificateCheckFrom(settings), log: lambdaLog });
}
