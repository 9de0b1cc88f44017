/** What a client says to a custom authorizer in its username. */
export interface AuthorizerCredentials {
  /** Before the `?`. */
  readonly username: string;
  readonly authorizerName: string | undefined;
  /** Base64. */
  readonly signature: string | undefined;
  /** All parameters of the query, the token's among them. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads `USER?x-amz-customauthorizer-name=…&x-amz-customauthorizer-signature=…&KEY=TOKEN`, values percent-encoded. */
export function readAuthorizerUsername(text: string | undefined): AuthorizerCredentials {
  const mark = text?.indexOf('?') ?? -1;
  const username = text === undefined || mark < 0 ? (text ?? '') : text.slice(0, mark);
  const query = text === undefined || mark < 0 ? '' : text.slice(mark + 1);
  const parameters = new Map<string, string>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(decoded(part.slice(0, equals)), decoded(part.slice(equals + 1)));
  }
  return {
    ...{ username, parameters, authorizerName: parameters.get('x-amz-customauthorizer-name') },
    signature: parameters.get('x-amz-customauthorizer-signature'),
  };
}

/** A `+` is itself: base64 is full of them. What is not percent-encoding stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
