import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BridgeConfiguration } from '../config/bridge-configuration.ts';

/** Whether there is anything to carry: rules, or what slots of former rules acknowledged and have not finished. */
export function hasBridgeWork({ rules, directory }: Pick<BridgeConfiguration, 'rules' | 'directory'>): boolean {
  return rules.length > 0 || hasSlots(directory);
}

/** Whether the gateway has a process of the bridge. */
export function gatewayCarries(bridge: Pick<BridgeConfiguration, 'rules' | 'directory' | 'runs'>): boolean {
  return bridge.runs === 'gateway' && hasBridgeWork(bridge);
}

function hasSlots(directory: string): boolean {
  try {
    return readdirSync(join(directory, 'slots')).length > 0;
  } catch {
    return false;
  }
}
