import type { AdminFailure, AdminResult } from '../admin/admin-backend.ts';
import type {
  DnsTraceDocument,
  DnsTraceQuery,
  SiteDocument,
  SplitDocument,
  SplitForecast,
  ZonesDocument,
} from '../admin/nameserver-documents.ts';
import type { SiteRequest, SplitRequest } from '../admin/nameserver-requests.ts';
import { failure, type Result, success } from '../base/result.ts';
import { traceAnswer } from '../dns/answer-trace.ts';
import { type AskingNetwork, parseAskingNetwork } from '../dns/asking-network.ts';
import { closedParts, renderClosedPart } from '../dns/closed-parts.ts';
import { deviceName } from '../dns/device-name.ts';
import { parseType, renderType } from '../dns/record-type.ts';
import { countChanging } from '../dns/split-forecast.ts';
import { bypassPart, weightsOfSplit } from '../dns/split-steering.ts';
import type { SplitRule } from '../dns/steering-rule.ts';
import { nameKey, parseName, renderName } from '../dns/wire-name.ts';
import type { CompiledZone } from '../dns/zone-compiling.ts';
import type { SeenAskersDocument } from '../nameserver/seen-askers.ts';
import { setSplit } from '../plan/plan-change.ts';
import { parseWeight, wholeBps } from '../plan/weight.ts';
import type { Logger } from '../telemetry/logger.ts';
import { invalid, toAdminFailure } from './admin-failures.ts';
import type { MoveVerbs } from './move-verbs.ts';
import type { PlanAuthority } from './plan-authority.ts';
import type { ServedNames } from './served-names.ts';
import type { SteeringAuthority } from './steering-authority.ts';
import type { WorkerHub } from './worker-hub.ts';
import type { ZoneRequests } from './zone-requests.ts';

export interface NameserverBackendDeps {
  /** Undefined: no nameserver is configured. */
  readonly names: ServedNames | undefined;
  readonly steering: SteeringAuthority;
  readonly authority: PlanAuthority;
  readonly hub: WorkerHub;
  readonly verbs: Pick<MoveVerbs, 'frozen'>;
  readonly zoneRequests: Pick<ZoneRequests, 'read'>;
  readonly log: Logger;
}

const answerMs = 1_000;
const acknowledgementMs = 500;
const loopback: AskingNetwork = { address: Uint8Array.of(127, 0, 0, 1), prefixLength: 32 };

/** What operators ask of names and sites, answered by the control process. */
export class NameserverBackend {
  readonly #deps: NameserverBackendDeps;

  constructor(deps: NameserverBackendDeps) {
    this.#deps = deps;
  }

  async trace(query: DnsTraceQuery): AdminResult<DnsTraceDocument> {
    const { names, authority } = this.#deps;
    const { facts, zones } = names ?? {};
    if (facts === undefined || zones === undefined) return failure(noNameserver);
    const name = query.device === undefined ? parseName(query.name) : deviceName(zones, query.name, query.device);
    if (!name.ok) return failure(invalid(name.error));
    const type = parseType(query.type ?? 'A');
    if (type === undefined) return failure(invalid(`type: expected a record type such as AAAA, got ${query.type}`));
    const network = query.subnet === undefined ? success(loopback) : parseAskingNetwork(query.subnet);
    if (!network.ok) return failure(invalid(`subnet: ${network.error}`));
    const { split, ...trace } = traceAnswer(zones, facts, { name: name.value, type, network: network.value });
    const forecast = await this.#forecastOf(split, query.weights);
    if (!forecast.ok) return forecast;
    return success({
      name: renderName(name.value),
      type: renderType(type),
      ...trace,
      revision: authority.current.revision,
      forecast: forecast.value,
    });
  }

  async split(name: string, { weights, reason, dryRun, author }: SplitRequest): AdminResult<SplitDocument> {
    const { authority, hub, verbs, names } = this.#deps;
    if (names === undefined) return failure(noNameserver);
    const rule = splitRule(names.zones, name);
    if (rule === undefined) {
      const known = splitRules(names.zones).map(({ split }) => split);
      const message = `expected a split that a name is steered by (${known.join(', ')}), got ${JSON.stringify(name)}`;
      return failure({ kind: 'not-found', message });
    }
    const parsed = parseWeights(rule, weights);
    if (!parsed.ok) return failure(invalid(parsed.error));
    const forecast = await this.#forecast(rule, parsed.value);
    if (dryRun) return success({ revision: authority.current.revision, dryRun, forecast });
    const frozen = raisesOther(forecast) ? verbs.frozen() : undefined;
    if (frozen !== undefined) return failure(frozen);
    const stored = await authority.change<never>(
      (plan) => success(setSplit(plan, { name: rule.split, weights: parsed.value })),
      { author, reason },
    );
    if (!stored.ok) return failure(toAdminFailure(stored.error));
    await hub.acknowledged(stored.value.revision, acknowledgementMs);
    return success({ revision: stored.value.revision, dryRun, forecast });
  }

  async reloadZones(author: string): AdminResult<ZonesDocument> {
    const { names, zoneRequests, log } = this.#deps;
    if (names === undefined) return failure(noNameserver);
    log.info({ author }, 'An operator has the zones read again');
    return success({ zones: await zoneRequests.read() });
  }

  async site(name: string, { change, author, reason }: SiteRequest): AdminResult<SiteDocument> {
    const { steering } = this.#deps;
    if (steering.hasSite(name)) steering.say(name, change, { author, reason });
    const site = steering.site(name);
    if (site !== undefined) return success({ ...site, warnings: this.#closedParts() });
    const known = steering.sites().map((other) => other.name);
    const message = `expected a site that is configured (${known.join(', ')}), got ${JSON.stringify(name)}`;
    return failure({ kind: 'not-found', message });
  }

  /** As the control process answers now, which has heard of the change already. */
  #closedParts(): readonly string[] {
    const { facts, zones = [] } = this.#deps.names ?? {};
    const rules = zones.flatMap((zone) => zone.rules);
    return facts === undefined ? [] : closedParts(rules, facts).map(renderClosedPart);
  }

  async #forecastOf(rule: SplitRule | undefined, weights: string | undefined): AdminResult<SplitForecast | null> {
    if (weights === undefined) return success(null);
    if (rule === undefined)
      return failure(invalid('weights: expected none, because no split has a say in this answer'));
    const entries = weights.split(',').map((entry) => {
      const at = entry.lastIndexOf('=');
      return [entry.slice(0, Math.max(0, at)).trim(), entry.slice(at + 1)] as const;
    });
    const parsed = parseWeights(rule, Object.fromEntries(entries));
    return parsed.ok ? success(await this.#forecast(rule, parsed.value)) : failure(invalid(parsed.error));
  }

  async #forecast(rule: SplitRule, newWeights: Readonly<Record<string, number>>): Promise<SplitForecast> {
    const { hub, authority } = this.#deps;
    const { salt, splits } = authority.current.plan;
    const seen = await Promise.all(
      hub.workers().map(({ worker }) => hub.ask(worker, { kind: 'seen-askers' }, answerMs)),
    );
    const documents = seen.flatMap((answer) => (answer === undefined ? [] : [answer as SeenAskersDocument]));
    const { parts } = rule;
    const request = { salt, parts, weights: weightsOfSplit(rule.split, splits), newWeights };
    const count = (kind: keyof SeenAskersDocument) => {
      const networks = [...new Set(documents.flatMap((document) => document[kind]))];
      return { seen: networks.length, changing: countChanging(networks, request) };
    };
    const [first = ''] = Object.keys(parts);
    return {
      split: rule.split,
      weights: request.weights ?? { [first]: wholeBps },
      newWeights,
      networks: count('networks'),
      resolvers: count('resolvers'),
    };
  }
}

const noNameserver: AdminFailure = { kind: 'not-found', message: 'this gateway has no nameserver configured' };

function splitRules(zones: readonly CompiledZone[]): readonly SplitRule[] {
  return zones.flatMap(({ rules }) => rules.filter((rule) => rule.by === 'split'));
}

/** By the split's name, or by a name that it steers. */
function splitRule(zones: readonly CompiledZone[], name: string): SplitRule | undefined {
  const byName = splitRules(zones).find(({ split }) => split === name);
  if (byName !== undefined) return byName;
  const wanted = parseName(name);
  if (!wanted.ok) return undefined;
  for (const { zone, rules } of zones) {
    const steering = zone.nodeByKey.get(nameKey(wanted.value))?.steering;
    const rule = steering === undefined ? undefined : rules[steering];
    if (rule?.by === 'split') return rule;
  }
  return undefined;
}

/** Every part's basis points; what is not named gets 0. */
function parseWeights(
  rule: SplitRule,
  weights: Readonly<Record<string, string | number>>,
): Result<Readonly<Record<string, number>>> {
  const parts = Object.keys(rule.parts);
  const unknown = Object.keys(weights).find((part) => !parts.includes(part));
  if (unknown !== undefined) {
    return failure(`weights: expected parts of ${rule.split} (${parts.join(', ')}), got ${JSON.stringify(unknown)}`);
  }
  const parsed: Record<string, number> = {};
  for (const part of parts) {
    const given = Object.hasOwn(weights, part) ? weights[part] : undefined;
    const weight = typeof given === 'string' ? parseWeight(given) : success(given ?? 0);
    if (!weight.ok) return failure(`weights.${part}: ${weight.error}`);
    parsed[part] = weight.value;
  }
  const sum = Object.values(parsed).reduce((total, weight) => total + weight, 0);
  return sum === wholeBps ? success(parsed) : failure(`weights: expected 100% in sum, got ${sum / 100}%`);
}

/** While cutovers are frozen, only the bypass may get more. */
function raisesOther({ weights, newWeights }: SplitForecast): boolean {
  return Object.entries(newWeights).some(([part, weight]) => part !== bypassPart && weight > (weights[part] ?? 0));
}
