/** What AWS IoT Core takes as an authorizer's word (developer guide, "Defining your Lambda function"). */
export type AuthorizerAnswer =
  | { readonly isAuthenticated: false }
  | {
      readonly isAuthenticated: true;
      /** `[a-zA-Z0-9]{1,128}`. */
      readonly principalId: string;
      /** At most ten, of 2 048 characters each. */
      readonly policyDocuments: readonly unknown[];
      readonly disconnectAfterInSeconds: number;
      readonly refreshAfterInSeconds: number;
    };

export const denied: AuthorizerAnswer = { isAuthenticated: false };

/** How long the word counts; seconds, both 300 to 86 400. */
export interface AuthorizerTimes {
  /** The connection ends then. */
  readonly disconnectAfterSeconds: number;
  /** The authorizer is asked again after so long, and so is a function's price paid. */
  readonly refreshAfterSeconds: number;
}

/** The least and the most that AWS takes for either. */
export const authorizerSeconds = { least: 300, most: 86_400 } as const;
