import type { ConnectPacket } from '../mqtt/connect-packet.ts';
import { TargetAssessor } from '../mqtt/target-assessor.ts';
import { brokerTerms } from './broker-question.ts';
import type { GatewaySettings } from './gateway-ports.ts';
import type { Findings } from './session-findings.ts';

/** Judges what a device on its source would be to its cohort's target. */
export function createAssessor(
  findings: Findings,
  of: { readonly connect: ConnectPacket; readonly target: string; readonly settings: GatewaySettings },
): TargetAssessor {
  const { profile, versions } = brokerTerms(of.settings, of.target);
  const terms = { protocol: of.connect.protocol, versions };
  const assessor = new TargetAssessor(profile, terms, (finding) => findings.found(finding));
  assessor.noteConnect(of.connect);
  return assessor;
}
