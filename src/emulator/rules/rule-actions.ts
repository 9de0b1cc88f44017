import type { Action } from '@aws-sdk/client-iot';
import { invalidRequest } from '../account/refusal.ts';
import { readTemplateText, type SubstitutionTemplate } from './substitution-template.ts';

/** The actions that the emulator performs. */
export type RuleAction =
  | { readonly kind: 's3'; readonly bucket: SubstitutionTemplate; readonly key: SubstitutionTemplate }
  | {
      readonly kind: 'republish';
      readonly topic: SubstitutionTemplate;
      readonly qos: 0 | 1;
      readonly userProperties: readonly (readonly [name: SubstitutionTemplate, value: SubstitutionTemplate])[];
    }
  | { readonly kind: 'lambda'; readonly functionArn: string }
  | { readonly kind: 'cloudwatchLogs'; readonly logGroup: SubstitutionTemplate };

/** Throws InvalidRequestException for none or several in one, and for one that is not emulated. */
export function readRuleAction(action: Action): RuleAction {
  const given = Object.entries(action).filter(([, value]) => value !== undefined);
  if (given.length !== 1) throw invalidRequest(`Expected one action in each entry, got ${given.length}`);
  const { s3, republish, lambda, cloudwatchLogs } = action;
  if (s3 !== undefined) {
    const { bucketName = '', key = '' } = s3;
    return { kind: 's3', bucket: readTemplateText(bucketName), key: readTemplateText(key) };
  }
  if (republish !== undefined) return readRepublish(republish);
  if (lambda !== undefined) return { kind: 'lambda', functionArn: lambda.functionArn ?? '' };
  if (cloudwatchLogs !== undefined) {
    return { kind: 'cloudwatchLogs', logGroup: readTemplateText(cloudwatchLogs.logGroupName ?? '') };
  }
  throw invalidRequest(`The emulator has no action ${given[0]?.[0]}`);
}

function readRepublish({ topic = '', qos = 0, headers }: NonNullable<Action['republish']>): RuleAction {
  if (qos !== 0 && qos !== 1) throw invalidRequest(`Expected the qos 0 or 1 of a republish action, got ${qos}`);
  const userProperties = (headers?.userProperties ?? []).map(
    ({ key = '', value = '' }) => [readTemplateText(key), readTemplateText(value)] as const,
  );
  return { kind: 'republish', topic: readTemplateText(topic), qos, userProperties };
}
