import { errorMessage } from '../base/errors.ts';
import type { NameserverConfiguration, SiteConfiguration } from '../config/configuration.ts';
import { compileMaterial, type ZoneMaterial } from '../config/zone-material.ts';
import type { AnswerSource } from '../dns/answer-source.ts';
import { createSignatureBudget, type SignatureBudget } from '../dns/signature-budget.ts';
import type { SiteConditions } from '../dns/site-choice.ts';
import { steeredAddresses } from '../dns/steered-addresses.ts';
import { createSteering } from '../dns/steering.ts';
import type { SteeringFacts } from '../dns/steering-decision.ts';
import { createSubnetPoints, type SubnetPoints } from '../dns/subnet-points.ts';
import { createZoneAnswers, type ServedZone } from '../dns/zone-answers.ts';
import type { CompiledZone } from '../dns/zone-compiling.ts';
import { ZoneSigner } from '../dns/zone-signer.ts';
import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';
import { signingKeys } from './signing-keys.ts';

/** What the control process knows of sites and aliases, for every process that answers; plain data. */
export interface SteeringNotes {
  readonly conditions: SiteConditions;
  /** The last good addresses by alias. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}

export interface ServedNamesOptions {
  readonly nameserver: Pick<NameserverConfiguration, 'zones'>;
  readonly sites: readonly SiteConfiguration[];
  readonly zones: readonly ZoneMaterial[];
  readonly signaturesPerSecond: number;
  /** Logs what is odd about zones: one process for all. */
  readonly saysWarnings?: boolean;
  readonly log: Logger;
}

/** Zones, plan and notes as they stand, and the answers that follow from them: another snapshot after each change. */
export class ServedNames {
  readonly #options: ServedNamesOptions;
  /** Signatures of all zones for names that are not in them. */
  readonly #signatureBudget: SignatureBudget;
  readonly #signers = new WeakMap<CompiledZone, ZoneSigner>();
  #zones: readonly CompiledZone[];
  #points: SubnetPoints = createSubnetPoints('');
  #plan: RoutingSnapshot | undefined;
  #notes: SteeringNotes | undefined;
  #source: AnswerSource | undefined;

  constructor(options: ServedNamesOptions) {
    this.#options = options;
    this.#signatureBudget = createSignatureBudget(options.signaturesPerSecond);
    this.#zones = this.#compile(options.zones, []);
  }

  /** Undefined until plan and notes were given. */
  get source(): AnswerSource | undefined {
    return this.#source;
  }

  get zones(): readonly CompiledZone[] {
    return this.#zones;
  }

  get facts(): SteeringFacts | undefined {
    if (this.#plan === undefined || this.#notes === undefined) return undefined;
    const { conditions, aliases } = this.#notes;
    return {
      plan: this.#plan,
      sites: this.#options.sites,
      conditions,
      aliases: Object.fromEntries(Object.entries(aliases).map(([alias, texts]) => [alias, steeredAddresses(texts)])),
      points: this.#points,
    };
  }

  adoptPlan(plan: RoutingSnapshot): void {
    this.#plan = plan;
    if (plan.plan.salt !== this.#points.salt) this.#points = createSubnetPoints(plan.plan.salt);
    this.#rebuild();
  }

  adoptNotes(notes: SteeringNotes): void {
    this.#notes = notes;
    this.#rebuild();
  }

  /** Zones read again; one that cannot be served leaves the one before it. */
  adoptZones(zones: readonly ZoneMaterial[]): void {
    this.#zones = this.#compile(zones, this.#zones);
    this.#rebuild();
  }

  #compile(materials: readonly ZoneMaterial[], former: readonly CompiledZone[]): readonly CompiledZone[] {
    const { nameserver, log, saysWarnings = false } = this.#options;
    return nameserver.zones.flatMap((zone, index) => {
      const material = materials.find(({ origin }) => origin === zone.origin);
      if (material === undefined) return former[index] ?? [];
      const keys = signingKeys(material);
      const compiled = keys.ok ? compileMaterial(zone, material, keys.value) : keys;
      if (compiled.ok) {
        if (saysWarnings) for (const warning of compiled.value.warnings) log.warn({ zone: zone.origin }, warning);
        return compiled.value;
      }
      log.error({ zone: zone.origin, mistakes: compiled.error }, 'A zone has mistakes; the one before it is served on');
      return former[index] ?? [];
    });
  }

  #serve(zone: CompiledZone, facts: SteeringFacts): ServedZone {
    const { keys, rules } = zone;
    const steerings = rules.map((rule) => createSteering(rule, facts));
    if (keys.length === 0) return { zone: zone.zone, steerings };
    const signer = this.#signers.get(zone) ?? new ZoneSigner(zone.zone, { keys, budget: this.#signatureBudget });
    this.#signers.set(zone, signer);
    return { zone: zone.zone, steerings, signer };
  }

  #rebuild(): void {
    const { facts } = this;
    if (facts === undefined) return;
    try {
      this.#source = createZoneAnswers(this.#zones.map((zone) => this.#serve(zone, facts)));
    } catch (error) {
      this.#options.log.error({ error: errorMessage(error) }, 'Names cannot be answered anew; the last answers stand');
    }
  }
}
