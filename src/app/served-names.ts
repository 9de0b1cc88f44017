import { errorMessage } from '../base/errors.ts';
import { runAtOnce, type Steps } from '../base/steps.ts';
import type { NameserverConfiguration, SiteConfiguration, ZoneConfiguration } from '../config/configuration.ts';
import { signingKeys } from '../config/signing-keys.ts';
import { compileMaterial, isSameMaterial, type ZoneMaterial } from '../config/zone-material.ts';
import type { AnswerSource } from '../dns/answer-source.ts';
import { createSignatureBudget, type PassingKind, type SignatureBudget } from '../dns/signature-budget.ts';
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
import { runBetweenTurns } from './turn-taking.ts';

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
  /** The budget of a kind of name is used up. */
  readonly onSignatureRefused?: (kind: PassingKind) => void;
  /** Logs what is odd about zones: one process for all. */
  readonly saysWarnings?: boolean;
  readonly log: Logger;
}

/** A zone that is served, and what it was made of. */
interface AdoptedZone {
  readonly material: ZoneMaterial;
  readonly zone: CompiledZone;
}

/** Zones, plan and notes as they stand, and the answers that follow from them: another snapshot after each change. */
export class ServedNames {
  readonly #options: ServedNamesOptions;
  /** Signatures of all zones for names that are not in them. */
  readonly #signatureBudget: SignatureBudget;
  readonly #signers = new WeakMap<CompiledZone, ZoneSigner>();
  #adopted: readonly AdoptedZone[];
  #adopting: Promise<unknown> = Promise.resolve();
  #points: SubnetPoints = createSubnetPoints('');
  #plan: RoutingSnapshot | undefined;
  #notes: SteeringNotes | undefined;
  #source: AnswerSource | undefined;

  constructor(options: ServedNamesOptions) {
    this.#options = options;
    const budget = createSignatureBudget(options.signaturesPerSecond);
    this.#signatureBudget = {
      take: (kind, nowMs) => {
        const isGranted = budget.take(kind, nowMs);
        if (!isGranted) options.onSignatureRefused?.(kind);
        return isGranted;
      },
    };
    this.#adopted = runAtOnce(this.#compile(options.zones, []));
  }

  /** Undefined until plan and notes were given. */
  get source(): AnswerSource | undefined {
    return this.#source;
  }

  get zones(): readonly CompiledZone[] {
    return this.#adopted.map(({ zone }) => zone);
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

  /**
   * Zones read again; one that cannot be served leaves the one before it, which is served until all are ready. One call
   * is done after the other. Resolves with the origins of those that are served anew.
   */
  adoptZones(zones: readonly ZoneMaterial[]): Promise<readonly string[]> {
    const adopting = this.#adopting
      .catch(() => {})
      .then(async () => {
        const former = this.#adopted;
        this.#adopted = await runBetweenTurns(this.#compile(zones, former));
        this.#rebuild();
        return this.#adopted.filter((one) => !former.includes(one)).map(({ material }) => material.origin);
      });
    this.#adopting = adopting;
    return adopting;
  }

  *#compile(materials: readonly ZoneMaterial[], former: readonly AdoptedZone[]): Steps<readonly AdoptedZone[]> {
    const adopted: AdoptedZone[] = [];
    for (const zone of this.#options.nameserver.zones) {
      const material = materials.find(({ origin }) => origin === zone.origin);
      const before = former.find((one) => one.material.origin === zone.origin);
      const isKept = material === undefined || (before !== undefined && isSameMaterial(material, before.material));
      const now = isKept ? before : ((yield* this.#compileOne(zone, material, before)) ?? before);
      if (now !== undefined) adopted.push(now);
    }
    return adopted;
  }

  *#compileOne(
    zone: ZoneConfiguration,
    material: ZoneMaterial,
    before: AdoptedZone | undefined,
  ): Steps<AdoptedZone | undefined> {
    const { log, saysWarnings = false } = this.#options;
    const keys = signingKeys(material);
    const compiled = keys.ok ? yield* compileMaterial(zone, material, keys.value) : keys;
    if (!compiled.ok) {
      log.error({ zone: zone.origin, mistakes: compiled.error }, 'A zone has mistakes; the one before it is served on');
      return undefined;
    }
    if (saysWarnings) for (const warning of compiled.value.warnings) log.warn({ zone: zone.origin }, warning);
    const { zone: served, keys: zoneKeys } = compiled.value;
    if (zoneKeys.length > 0) {
      const former = before && this.#signers.get(before.zone);
      const budget = this.#signatureBudget;
      this.#signers.set(
        compiled.value,
        new ZoneSigner(served, { keys: zoneKeys, budget, ...(former !== undefined && { former }) }),
      );
    }
    return { material, zone: compiled.value };
  }

  #serve(zone: CompiledZone, facts: SteeringFacts): ServedZone {
    const steerings = zone.rules.map((rule) => createSteering(rule, facts));
    const signer = this.#signers.get(zone);
    return { zone: zone.zone, steerings, ...(signer !== undefined && { signer }) };
  }

  #rebuild(): void {
    const { facts } = this;
    if (facts === undefined) return;
    try {
      this.#source = createZoneAnswers(this.zones.map((zone) => this.#serve(zone, facts)));
    } catch (error) {
      this.#options.log.error({ error: errorMessage(error) }, 'Names cannot be answered anew; the last answers stand');
    }
  }
}
