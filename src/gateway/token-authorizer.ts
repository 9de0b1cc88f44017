import { type KeyObject, sign } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { failure, type Result, success } from '../base/result.ts';
import { type ConnectQuestion, upstreamClientId } from '../mqtt/connect-adaptation.ts';
import { encodeAuthorizerToken, longestToken, renderAuthorizerUsername } from './authorizer-username.ts';
import type { CredentialFault } from './credential-policy.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** How devices are vouched for by a token in the username. */
export interface AuthorizerTerms {
  readonly name: string;
  /** The authorizer's `tokenKeyName`. */
  readonly tokenKeyName: string;
  /** Seconds that a token is good for. */
  readonly tokenSeconds: number;
  /** What becomes of the device's own password. */
  readonly password: 'forward' | 'omit';
}

/** Bytes of a UTF-8 field (MQTT 3.1.1 section 1.5.3). */
const longestField = 65_535;

/** Signs the token of a device: RSASSA-PKCS1-v1_5 with SHA-256 over the token as it stands in the username. */
export class TokenAuthorizer {
  readonly #terms: AuthorizerTerms;
  readonly #key: KeyObject;
  readonly #clock: Pick<Clock, 'wallMs'>;

  constructor(terms: AuthorizerTerms, key: KeyObject, clock: Pick<Clock, 'wallMs'>) {
    this.#terms = terms;
    this.#key = key;
    this.#clock = clock;
  }

  /** The question with the username that vouches; never log what it holds. */
  async authorize(
    device: UpstreamDevice,
    question: ConnectQuestion,
  ): Promise<Result<ConnectQuestion, CredentialFault>> {
    const { name, tokenKeyName, tokenSeconds } = this.#terms;
    const key = device.identity?.key;
    if (key === undefined) return failure('no-device-key');
    const clientId = upstreamClientId(question);
    const expiresMs = this.#clock.wallMs() + tokenSeconds * 1_000;
    const token = encodeAuthorizerToken({ ...key, ...(clientId !== '' && { clientId }), expiresMs });
    if (token.length > longestToken) return failure('token-too-long');
    const signature = await this.#sign(Buffer.from(token, 'latin1'));
    const { username: given = '', password: _password, ...connect } = question.connect;
    const username = renderAuthorizerUsername({ username: given, authorizer: name, tokenKeyName, token, signature });
    if (Buffer.byteLength(username) > longestField) return failure('username-too-long');
    return success({ ...question, connect: { ...connect, username, ...this.#password(question.connect) } });
  }

  #password({ password }: ConnectQuestion['connect']) {
    if (password === undefined || this.#terms.password === 'omit') return { hasPassword: false };
    return { hasPassword: true, password };
  }

  #sign(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      sign('sha256', bytes, this.#key, (error, signature) => {
        if (error === null) resolve(signature);
        else reject(error);
      });
    });
  }
}
