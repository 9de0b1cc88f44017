import type { DeviceKey } from '../plan/device-key.ts';

/** A device that a broker is to know. */
export interface RegistrationRequest {
  readonly broker: string;
  /** The certificate that the gateway presents for it, PEM. */
  readonly certificate: string;
  readonly device: DeviceKey;
  readonly clientId: string;
}

/** `throttled`: nothing was said of it, and it may be asked for again later. */
export type RegistrationResult = 'registered' | 'already' | 'refused' | 'throttled';

/** Makes devices known to a broker by its API; asking twice does no harm. Never rejects. */
export interface Registrar {
  register(request: RegistrationRequest): Promise<RegistrationResult>;
}
