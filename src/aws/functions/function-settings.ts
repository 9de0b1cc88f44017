import { errorMessage } from '../../base/errors.ts';
import type { ClientIdPolicy } from '../../plan/client-id-policy.ts';
import type { CertificateFault } from '../../tls/listener-tls.ts';

import { type AuthorizerTimes, authorizerSeconds } from './authorizer-answer.ts';
import { PolicyTemplate } from './policy-variables.ts';

export type FunctionEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * A function's settings, from its environment variables. A wrong one throws, so that the function fails at its first call
 * and says why, and lets nobody in.
 */
export class FunctionSettings {
  readonly #environment: FunctionEnvironment;

  constructor(environment: FunctionEnvironment) {
    this.#environment = environment;
  }

  text(name: string): string | undefined {
    const value = this.#environment[name]?.trim();
    return value === '' ? undefined : value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Error(`${name}: expected a value, got nothing`);
    return value;
  }

  /** Separated by commas. */
  list(name: string): readonly string[] {
    return (this.text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  choice<Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
    const value = this.text(name) ?? fallback;
    const word = words.find((each) => each === value);
    if (word === undefined) throw new Error(`${name}: expected ${words.join(', ')}, got ${JSON.stringify(value)}`);
    return word;
  }

  seconds(name: string, fallback: number, { least, most }: { readonly least: number; readonly most: number }): number {
    const value = Number(this.text(name) ?? fallback);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new Error(`${name}: expected whole seconds from ${least} to ${most}, got ${JSON.stringify(this.text(name))}`);
  }

  clientIdPolicy(): ClientIdPolicy {
    const policies = ['any', 'equals-common-name', 'prefixed-by-common-name'] as const;
    return this.choice('CROSSFADE_CLIENT_ID_POLICY', policies, 'any');
  }

  tolerated(): readonly CertificateFault[] {
    const faults = ['expired', 'notYetValid', 'missingClientAuth', 'weakSignature', 'weakKey'] as const;
    return this.list('CROSSFADE_TOLERATE').map((item) => {
      const fault = faults.find((each) => each === item);
      if (fault !== undefined) return fault;
      throw new Error(`CROSSFADE_TOLERATE: expected ${faults.join(', ')}, got ${JSON.stringify(item)}`);
    });
  }

  authorizerTimes(): AuthorizerTimes {
    return {
      disconnectAfterSeconds: this.seconds('CROSSFADE_DISCONNECT_AFTER_SECONDS', 86_400, authorizerSeconds),
      refreshAfterSeconds: this.seconds('CROSSFADE_REFRESH_AFTER_SECONDS', 86_400, authorizerSeconds),
    };
  }

  /** `CROSSFADE_POLICY`: one policy document, or a JSON list of up to ten. */
  policyDocuments(): readonly unknown[] {
    const text = this.text('CROSSFADE_POLICY');
    if (text === undefined) return [];
    try {
      const parsed: unknown = JSON.parse(text);
      const documents = Array.isArray(parsed) ? parsed : [parsed];
      if (documents.length > 10) throw new Error(`expected at most 10 policy documents, got ${documents.length}`);
      return documents;
    } catch (error) {
      throw new Error(`CROSSFADE_POLICY: ${errorMessage(error)}`);
    }
  }

  policyTemplates(): readonly PolicyTemplate[] {
    const documents = this.policyDocuments();
    if (documents.length === 0) throw new Error('CROSSFADE_POLICY: expected a policy document, got nothing');
    return documents.map((document) => {
      const template = PolicyTemplate.parse(JSON.stringify(document));
      if (!template.ok) throw new Error(`CROSSFADE_POLICY: ${template.error}`);
      return template.value;
    });
  }
}
