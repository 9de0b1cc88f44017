import { failure, type Result, success } from '../../base/result.ts';

/** What the variables of a policy stand for; absent: this connection has no such thing. */
export interface PolicyValues {
  readonly 'iot:ClientId'?: string;
  readonly 'iot:Certificate.Subject.CommonName': string;
  readonly 'iot:Connection.Thing.ThingName': string;
}

/** A policy document whose variables a function fills in, because AWS does so for certificates only. */
export class PolicyTemplate {
  readonly #document: unknown;

  private constructor(document: unknown) {
    this.#document = document;
  }

  /** Fails where the document is none, or asks for what a token does not say. */
  static parse(text: string): Result<PolicyTemplate> {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      return failure('expected a policy document in JSON');
    }
    const isPolicy = typeof document === 'object' && document !== null && 'Statement' in document;
    if (!isPolicy) return failure('expected a policy document with Statement');
    const others = [...text.matchAll(variable)].map(([, name = '']) => name).filter((name) => !known.has(name));
    if (others.length > 0) return failure(`expected the variables ${[...known].join(', ')}, got ${others[0]}`);
    if (text.includes('"iot:Connection.Thing.')) {
      return failure('expected no condition on the thing of a connection: without a certificate there is none');
    }
    return success(new PolicyTemplate(document));
  }

  /** Fails where a value that is asked for is absent, or could mean more than one name to a policy. */
  fill(values: PolicyValues): Result<unknown> {
    const document = fillIn(this.#document, values);
    if (!document.ok) return document;
    const characters = [...JSON.stringify(document.value)].length;
    if (characters <= longestDocument) return document;
    return failure(`the policy has ${characters} characters, more than ${longestDocument}`);
  }
}

const variable = /\$\{([^}]*)\}/g;
const known: ReadonlySet<string> = new Set<keyof PolicyValues>([
  'iot:ClientId',
  'iot:Certificate.Subject.CommonName',
  'iot:Connection.Thing.ThingName',
]);

/** Characters of a document in an authorizer's answer. */
const longestDocument = 2_048;

/** AWS fills in no value of more characters, nor one with these: a client ID `*` would be every client ID. */
const longestValue = 1_024;
const unsafe = /[*$+?#]|\p{Cc}/u;

function fillIn(value: unknown, values: PolicyValues): Result<unknown> {
  if (typeof value === 'string') return fillText(value, values);
  if (typeof value !== 'object' || value === null) return success(value);
  const filled: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const result = fillIn(member, values);
    if (!result.ok) return result;
    filled.push([key, result.value]);
  }
  return success(Array.isArray(value) ? filled.map(([, member]) => member) : Object.fromEntries(filled));
}

function fillText(text: string, values: PolicyValues): Result<string> {
  let fault: string | undefined;
  const filled = text.replace(variable, (_whole, name: keyof PolicyValues) => {
    const value = values[name] ?? '';
    if (value === '' || value.length > longestValue || unsafe.test(value)) fault ??= name;
    return value;
  });
  return fault === undefined ? success(filled) : failure(`${fault} is nothing that a policy may hold`);
}
