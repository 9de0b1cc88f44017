import { z } from 'zod';
import { type Policy, readPolicyDocument } from '../account/policy-document.ts';

/** What a custom authorizer's function said, checked. */
export interface AuthorizerAnswer {
  readonly principalId: string;
  readonly policies: readonly Policy[];
  /** As they came, for those who ask. */
  readonly documents: readonly string[];
  readonly disconnectAfterSeconds: number;
  readonly refreshAfterSeconds: number;
}

export interface AnswerRules {
  /** CUSTOM_AUTH_X509: the principal has to be the certificate, whose own policies may do. */
  readonly certificateId: string | undefined;
  readonly policyCharacters: number;
}

/** The answer, or why it lets nobody in: it denies, or it is not of the documented form. */
export function readAuthorizerAnswer(answer: unknown, rules: AnswerRules): AuthorizerAnswer | string {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) return `The answer is not of the documented form: ${z.prettifyError(parsed.error)}`;
  const { isAuthenticated, policyDocuments = [] } = parsed.data;
  if (!isAuthenticated) return 'The function does not authenticate the client';
  const allowed = allowedSchema.safeParse(answer);
  if (!allowed.success) return `The answer is not of the documented form: ${z.prettifyError(allowed.error)}`;
  const { principalId } = allowed.data;
  if (rules.certificateId === undefined && policyDocuments.length === 0) return 'The answer has no policy document';
  if (rules.certificateId !== undefined && principalId !== rules.certificateId) {
    return 'The principal of the answer is not the certificate';
  }
  const documents = policyDocuments.map((document) =>
    typeof document === 'string' ? document : JSON.stringify(document),
  );
  try {
    return {
      ...{ principalId, documents },
      policies: documents.map((document) => readPolicyDocument(document, rules.policyCharacters)),
      disconnectAfterSeconds: allowed.data.disconnectAfterInSeconds,
      refreshAfterSeconds: allowed.data.refreshAfterInSeconds,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const answerSchema = z.object({
  isAuthenticated: z.boolean(),
  policyDocuments: z
    .array(z.union([z.string(), z.record(z.string(), z.unknown())]))
    .max(10)
    .optional(),
});
const seconds = z.number().int().min(300).max(86_400);
const allowedSchema = z.object({
  principalId: z.string().regex(/^[a-zA-Z0-9]{1,128}$/),
  disconnectAfterInSeconds: seconds,
  refreshAfterInSeconds: seconds,
});
