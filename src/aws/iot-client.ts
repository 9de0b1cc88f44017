import type { IoT } from '@aws-sdk/client-iot';

/** Where the account is, and who asks. */
export interface IotClientOptions {
  /** Absent: what the SDK finds in the environment and in its files. */
  readonly region?: string;
  /** Absent: AWS's own of the region. */
  readonly endpoint?: string;
  /** Sign with made-up credentials: for an emulator, which looks at none. */
  readonly isEmulated?: boolean;
  /** Milliseconds for an answer. Default: 30 s. */
  readonly answerMs?: number;
}

/** Milliseconds for a connection and for an answer: a call that hangs would hold its place for ever. */
const patience = { connectionTimeout: 5_000, requestTimeout: 30_000 } as const;

/** What an emulator is signed for when nobody named a region. */
const emulatedRegion = 'us-east-1';

/** Opens a client; the SDK is loaded here, because it costs a tenth of a second and 25 MB that most commands need not pay. */
export async function openIotClient(options: IotClientOptions): Promise<IoT> {
  const { region, endpoint, isEmulated = false, answerMs = patience.requestTimeout } = options;
  const { IoT: Client } = await import('@aws-sdk/client-iot');
  const known = region ?? (isEmulated ? emulatedRegion : undefined);
  return new Client({
    ...(known === undefined ? {} : { region: known }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(isEmulated ? { credentials: { accessKeyId: 'emulated', secretAccessKey: 'emulated' } } : {}),
    // Each attempt counts against a quota, so attempts are made in one place: `CallRates`.
    maxAttempts: 1,
    requestHandler: { ...patience, requestTimeout: answerMs, throwOnRequestTimeout: true },
  });
}
