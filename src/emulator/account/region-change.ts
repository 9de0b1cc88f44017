import type { Account } from './account.ts';
import { defaultDomainName } from './domain-configurations.ts';
import type { AccountIdentity } from './identity.ts';

/** Moves an account in which nobody has made anything yet to another Region: its ARNs and host names say so from then on. */
export function changeRegion(account: Account, region: string): void {
  const former = account.identity;
  const { endpoints } = account;
  account.identity = { ...former, region };
  const moved = (host: string) => host.replace(`.${former.region}.amazonaws.com`, `.${region}.amazonaws.com`);
  account.endpoints = {
    ...endpoints,
    data: moved(endpoints.data),
    credentialProvider: moved(endpoints.credentialProvider),
    jobs: moved(endpoints.jobs),
  };
  const domain = account.domains.get(defaultDomainName);
  const arn = domain.arn.replace(arnPrefix(former), arnPrefix(account.identity));
  account.domains.replace(defaultDomainName, { ...domain, arn, domainName: moved(domain.domainName) });
}

function arnPrefix({ region, accountId }: AccountIdentity): string {
  return `arn:aws:iot:${region}:${accountId}:`;
}

/**
 * The Region that a request was signed for, by the credential scope of its `Authorization` header (AWS Signature Version
 * 4: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`); undefined where it names none.
 */
export function signedRegion(authorization: string | undefined): string | undefined {
  const [, region] = /^AWS4-HMAC-SHA256 Credential=[^/,]+\/\d{8}\/([a-z0-9-]{1,32})\//.exec(authorization ?? '') ?? [];
  return region;
}
