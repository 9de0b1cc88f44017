import type { ProtocolVersion } from './control-packet.ts';

/**
 * The version to speak with a broker that has `versions`: the device's own wherever it can be, so that packets go on as
 * they came; 3.1 goes up as 3.1.1, whose packets differ only in CONNECT, CONNACK and flags (decision 3 of the
 * architecture). A broker without any version is asked in the device's.
 */
export function chooseVersion(device: ProtocolVersion, versions: readonly ProtocolVersion[]): ProtocolVersion {
  return preferences[device].find((version) => versions.includes(version)) ?? device;
}

const preferences: Readonly<Record<ProtocolVersion, readonly ProtocolVersion[]>> = {
  '3.1': ['3.1.1', '3.1', '5'],
  '3.1.1': ['3.1.1', '5', '3.1'],
  '5': ['5', '3.1.1', '3.1'],
};
