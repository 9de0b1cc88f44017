/** Which account in which Region; both stand in every ARN. */
export interface AccountIdentity {
  /** Twelve digits. */
  readonly accountId: string;
  readonly region: string;
}

/** Where nobody says otherwise. */
export const usualIdentity: AccountIdentity = { accountId: '123456789012', region: 'eu-central-1' };

/** Kinds of resources as their ARNs name them. */
export type ArnKind =
  | 'authorizer'
  | 'cacert'
  | 'cert'
  | 'client'
  | 'domainconfiguration'
  | 'policy'
  | 'provisioningtemplate'
  | 'rule'
  | 'thing'
  | 'thinggroup'
  | 'thingtype'
  | 'topic'
  | 'topicfilter';

export function arnOf({ region, accountId }: AccountIdentity, kind: ArnKind, name: string): string {
  return `arn:aws:iot:${region}:${accountId}:${kind}/${name}`;
}

/** The name in an ARN of this kind and account; undefined for any other text. */
export function nameInArn(identity: AccountIdentity, kind: ArnKind, arn: string): string | undefined {
  const prefix = arnOf(identity, kind, '');
  return arn.startsWith(prefix) && arn.length > prefix.length ? arn.slice(prefix.length) : undefined;
}
