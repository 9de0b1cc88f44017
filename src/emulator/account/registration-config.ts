import type { RegistrationConfig } from '@aws-sdk/client-iot';
import type { Account } from './account.ts';
import { readTemplate } from './provisioning-template.ts';
import { invalidRequest } from './refusal.ts';

/** Checks how a CA provisions just in time: a template's body or its name, with the role it is done under. */
export function expectRegistrationConfig({ templates }: Account, config: RegistrationConfig | undefined): void {
  if (config === undefined) return;
  const { templateBody, templateName, roleArn } = config;
  if (templateBody !== undefined && templateName !== undefined) {
    throw invalidRequest('Expected either templateBody or templateName in registrationConfig, got both');
  }
  if (templateBody !== undefined) {
    if (roleArn === undefined) throw invalidRequest('Expected a roleArn with templateBody in registrationConfig');
    readTemplate(templateBody);
  }
  if (templateName === undefined) return;
  const { type } = templates.get(templateName);
  if (type !== 'JITP') throw invalidRequest(`The provisioning template ${templateName} is not of type JITP`);
}
