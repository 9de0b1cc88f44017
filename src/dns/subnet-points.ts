import { pointOf } from '../plan/position.ts';
import { type AddressOctets, subnetKeyOf } from '../plan/subnet-key.ts';

/** The points of asking networks under one salt, remembered: a hash costs more than the rest of a steered answer. */
export interface SubnetPoints {
  readonly salt: string;
  /** As pointOf(salt, 'subnet', the address's canonical network). */
  at(address: AddressOctets): number;
}

/** Networks remembered of each family; beyond that all are forgotten, so that invented subnets cost no memory. */
const mostRemembered = 65_536;

export function createSubnetPoints(salt: string): SubnetPoints {
  const byNetwork4 = new Map<number, number>();
  const byNetwork6 = new Map<string, number>();

  function remember<Key>(points: Map<Key, number>, key: Key, address: AddressOctets): number {
    if (points.size >= mostRemembered) points.clear();
    const point = pointOf(salt, 'subnet', subnetKeyOf(address));
    points.set(key, point);
    return point;
  }

  return {
    salt,
    at(address) {
      if (address.length === 4) {
        const network = ((address[0] ?? 0) << 16) | ((address[1] ?? 0) << 8) | (address[2] ?? 0);
        return byNetwork4.get(network) ?? remember(byNetwork4, network, address);
      }
      const network = String.fromCharCode(...address.subarray(0, 7));
      return byNetwork6.get(network) ?? remember(byNetwork6, network, address);
    },
  };
}
