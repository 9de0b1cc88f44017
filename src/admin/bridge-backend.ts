import type { AdminResult } from './admin-backend.ts';
import type { BridgeDocument, BridgeRuleDocument } from './bridge-documents.ts';

/** What the bridge's routes ask, in the gateway and in a bridge that runs alone; `app/` fills it. */
export interface BridgeBackend {
  bridge(): AdminResult<BridgeDocument>;
  /** Each answers the rule as it stands; the bridge's processes follow within a second. */
  pauseRule(name: string): AdminResult<BridgeRuleDocument>;
  /** Also begins again what a loop stopped. */
  resumeRule(name: string): AdminResult<BridgeRuleDocument>;
  scaleRule(name: string, members: number): AdminResult<BridgeRuleDocument>;
}
