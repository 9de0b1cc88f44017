import type { TemplateRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName, expectOneOf } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { readTemplate } from './provisioning-template.ts';
import { IotRefusal, invalidRequest, notFound } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const provisioningTemplateOperations = {
  CreateProvisioningTemplate(input, { account, wallMs }) {
    const { templateName: name, type = 'FLEET_PROVISIONING', tags } = input;
    expectName('provisioning template', name);
    expectOneOf('type', type, ['FLEET_PROVISIONING', 'JITP']);
    expectBody(input.templateBody);
    expectTags(account, tags);
    const arn = arnOf(account.identity, 'provisioningtemplate', name);
    account.templates.add(name, {
      ...{ arn, name, type, description: input.description, isEnabled: input.enabled === true },
      ...{ roleArn: input.provisioningRoleArn, defaultVersionId: 1, lastVersion: 1 },
      ...{ versions: [{ id: 1, body: input.templateBody, createdMs: wallMs }], createdMs: wallMs, modifiedMs: wallMs },
    });
    setTags(account, arn, tags);
    return { templateArn: arn, templateName: name, defaultVersionId: 1 };
  },

  DescribeProvisioningTemplate({ templateName }, { account }) {
    const record = account.templates.get(templateName);
    return {
      ...{ ...summary(record), defaultVersionId: record.defaultVersionId, templateBody: templateBody(record) },
      provisioningRoleArn: record.roleArn,
    };
  },

  UpdateProvisioningTemplate(input, { account, wallMs }) {
    const record = account.templates.get(input.templateName);
    const { defaultVersionId = record.defaultVersionId } = input;
    versionOf(record, defaultVersionId);
    account.templates.replace(record.name, {
      ...{ ...record, defaultVersionId, modifiedMs: wallMs },
      description: input.description ?? record.description,
      isEnabled: input.enabled ?? record.isEnabled,
      roleArn: input.provisioningRoleArn ?? record.roleArn,
    });
    return {};
  },

  DeleteProvisioningTemplate({ templateName }, { account }) {
    const { arn, versions } = account.templates.get(templateName);
    const users = account.authorities
      .all()
      .filter(({ registrationConfig }) => registrationConfig?.templateName === templateName);
    if (users.length > 0) {
      const message = `The provisioning template ${templateName} is in use by a CA certificate`;
      throw new IotRefusal('ConflictException', message);
    }
    if (versions.length > 1) {
      throw new IotRefusal('DeleteConflictException', `The provisioning template ${templateName} has several versions`);
    }
    account.templates.remove(templateName);
    account.tagsByArn.delete(arn);
    return {};
  },

  ListProvisioningTemplates({ maxResults, nextToken }, { account }) {
    const page = pageOf(account.templates.all(), ({ name }) => name, { size: maxResults, token: nextToken });
    return { templates: page.items.map(summary), nextToken: page.next };
  },

  CreateProvisioningTemplateVersion({ templateName, templateBody: body, setAsDefault = false }, { account, wallMs }) {
    const record = account.templates.get(templateName);
    expectBody(body);
    if (record.versions.length >= account.limits.provisioningTemplateVersions) {
      const message = `The provisioning template ${templateName} has the maximum number of versions`;
      throw new IotRefusal('VersionsLimitExceededException', message);
    }
    const id = record.lastVersion + 1;
    account.templates.replace(templateName, {
      ...{
        ...record,
        versions: [...record.versions, { id, body, createdMs: wallMs }],
        lastVersion: id,
        modifiedMs: wallMs,
      },
      defaultVersionId: setAsDefault ? id : record.defaultVersionId,
    });
    return { templateArn: record.arn, templateName, versionId: id, isDefaultVersion: setAsDefault };
  },

  DescribeProvisioningTemplateVersion({ templateName, versionId }, { account }) {
    const record = account.templates.get(templateName);
    const { body, createdMs } = versionOf(record, versionId);
    return {
      ...{ versionId, creationDate: new Date(createdMs), templateBody: body },
      isDefaultVersion: versionId === record.defaultVersionId,
    };
  },

  DeleteProvisioningTemplateVersion({ templateName, versionId }, { account, wallMs }) {
    const record = account.templates.get(templateName);
    versionOf(record, versionId);
    if (versionId === record.defaultVersionId) {
      throw new IotRefusal('DeleteConflictException', `Version ${versionId} is the default version of ${templateName}`);
    }
    const versions = record.versions.filter(({ id }) => id !== versionId);
    account.templates.replace(templateName, { ...record, versions, modifiedMs: wallMs });
    return {};
  },

  ListProvisioningTemplateVersions({ templateName, maxResults, nextToken }, { account }) {
    const { versions, defaultVersionId } = account.templates.get(templateName);
    const page = pageOf(versions, ({ id }) => String(id).padStart(9, '0'), { size: maxResults, token: nextToken });
    return {
      versions: page.items.map(({ id, createdMs }) => ({
        ...{ versionId: id, creationDate: new Date(createdMs), isDefaultVersion: id === defaultVersionId },
      })),
      nextToken: page.next,
    };
  },
} satisfies Operations;

/** The body of the version that counts. */
export function templateBody(record: TemplateRecord): string {
  return versionOf(record, record.defaultVersionId).body;
}

const maxBodyCharacters = 10_240;

function expectBody(body: string): void {
  if (body.length > maxBodyCharacters)
    throw invalidRequest(`A template's body may have ${maxBodyCharacters} characters`);
  readTemplate(body);
}

function versionOf({ name, versions }: TemplateRecord, id: number) {
  const version = versions.find((candidate) => candidate.id === id);
  if (version === undefined) throw notFound(`The provisioning template ${name} has no version ${id}`);
  return version;
}

function summary({ arn, name, description, createdMs, modifiedMs, isEnabled, type }: TemplateRecord) {
  return {
    ...{ templateArn: arn, templateName: name, ...(description === undefined ? {} : { description }) },
    ...{ creationDate: new Date(createdMs), lastModifiedDate: new Date(modifiedMs), enabled: isEnabled, type },
  };
}
