import { invalidRequest } from './refusal.ts';

/** The forms of names in the service's model. */
const forms = {
  policy: /^[\w+=,.@-]{1,128}$/,
  thing: /^[a-zA-Z0-9:_-]{1,128}$/,
  'thing type': /^[a-zA-Z0-9:_-]{1,128}$/,
  'thing group': /^[a-zA-Z0-9:_-]{1,128}$/,
  rule: /^[a-zA-Z0-9_]{1,128}$/,
  authorizer: /^[\w=,@-]{1,128}$/,
  'domain configuration': /^[\w.:-]{1,128}$/,
  'provisioning template': /^[0-9A-Za-z_-]{1,36}$/,
  'token key': /^[a-zA-Z0-9_-]{1,128}$/,
  'attribute name': /^[a-zA-Z0-9_.,@/:#-]{1,128}$/,
  'attribute value': /^[a-zA-Z0-9_.,@/:#=[\]-]{0,800}$/,
} as const satisfies Readonly<Record<string, RegExp>>;

/** Throws InvalidRequestException for a name that the service does not take. */
export function expectName(kind: keyof typeof forms, name: string): void {
  if (forms[kind].test(name)) return;
  throw invalidRequest(`Expected a ${kind} of the form ${forms[kind].source}, got ${JSON.stringify(name)}`);
}

/** Throws InvalidRequestException, in the service's words, for what its model has no such value of. */
export function expectOneOf(member: string, value: string | undefined, values: readonly string[]): void {
  if (value === undefined || values.includes(value)) return;
  throw invalidRequest(
    `1 validation error detected: Value ${JSON.stringify(value)} at '${member}' failed to satisfy constraint: ` +
      `Member must satisfy enum value set: [${values.join(', ')}]`,
  );
}
