/** What decides which ALPN protocol AWS IoT Core wants on a port. */
export interface AlpnQuestion {
  readonly profile: string;
  readonly identityMode: string;
  readonly hasCertificate: boolean;
  readonly port: number;
}

/**
 * The ALPN protocols to offer where the configuration names none: on port 443 AWS IoT Core tells MQTT with a client
 * certificate from MQTT with a custom authorizer by them, elsewhere none is needed. A domain configuration with an
 * authentication type and application protocol of its own needs none anywhere: `tls.alpn: []` says so.
 */
export function defaultAlpn({ profile, identityMode, hasCertificate, port }: AlpnQuestion): readonly string[] {
  if (profile !== 'aws-iot-core' || port !== 443) return [];
  const isByCertificate = identityMode.endsWith('-certificate') || (identityMode === 'forward' && hasCertificate);
  return [isByCertificate ? 'x-amzn-mqtt-ca' : 'mqtt'];
}
