import { accountSettingOperations } from '../account/account-settings.ts';
import { authorizerOperations } from '../account/authorizers.ts';
import { authorityOperations } from '../account/certificate-authorities.ts';
import { certificateRegistrationOperations } from '../account/certificate-registration.ts';
import { deviceCertificateOperations } from '../account/device-certificates.ts';
import { domainConfigurationOperations } from '../account/domain-configurations.ts';
import { loggingOperations } from '../account/logging-options.ts';
import type { Operations } from '../account/operation.ts';
import { policyOperations } from '../account/policies.ts';
import { policyAttachmentOperations } from '../account/policy-attachments.ts';
import { provisioningOperations } from '../account/provisioning.ts';
import { provisioningTemplateOperations } from '../account/provisioning-templates.ts';
import { registrationCodeOperations } from '../account/registration-code.ts';
import { tagOperations } from '../account/tags.ts';
import { thingGroupOperations } from '../account/thing-groups.ts';
import { thingPrincipalOperations } from '../account/thing-principals.ts';
import { thingTypeOperations } from '../account/thing-type-operations.ts';
import { thingOperations } from '../account/things.ts';
import { topicRuleOperations } from '../account/topic-rules.ts';
import { authorizationTestOperations } from '../admission/authorization-tests.ts';
import { authorizerTestOperations } from '../admission/authorizer-tests.ts';

/** Every operation that the emulator has; the service's others are answered with 501. */
export const operationTable: Operations = {
  ...accountSettingOperations,
  ...authorityOperations,
  ...authorizationTestOperations,
  ...authorizerOperations,
  ...authorizerTestOperations,
  ...certificateRegistrationOperations,
  ...deviceCertificateOperations,
  ...domainConfigurationOperations,
  ...loggingOperations,
  ...policyAttachmentOperations,
  ...policyOperations,
  ...provisioningOperations,
  ...provisioningTemplateOperations,
  ...registrationCodeOperations,
  ...tagOperations,
  ...thingGroupOperations,
  ...thingOperations,
  ...thingPrincipalOperations,
  ...thingTypeOperations,
  ...topicRuleOperations,
};
