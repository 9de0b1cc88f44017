/** What a probe says of itself, so that whoever meets one knows what it is. */
export interface Probe {
  readonly service: string;
  /** Of this run alone. */
  readonly run: string;
  readonly number: number;
  /** `there` through the service's rule, `back` through the rule that carries its answers. */
  readonly way: 'there' | 'back';
}

export function encodeProbe(probe: Probe): Buffer {
  return Buffer.from(JSON.stringify({ crossfadeProbe: probe }));
}

/** Undefined: it is no probe. */
export function decodeProbe(payload: Buffer): Probe | undefined {
  if (payload.length > 4_096 || payload[0] !== 0x7b) return undefined;
  try {
    const { crossfadeProbe: probe } = JSON.parse(payload.toString()) as { readonly crossfadeProbe?: Probe };
    return typeof probe?.number === 'number' && typeof probe.run === 'string' ? probe : undefined;
  } catch {
    return undefined;
  }
}

/** The probes of one run in one direction: each counts once, however often it comes. */
export class ProbeTally {
  readonly #probe: Omit<Probe, 'number'>;
  readonly #heard = new Set<number>();
  #sent = 0;
  #repeated = 0;

  constructor(probe: Omit<Probe, 'number'>) {
    this.#probe = probe;
  }

  get sent(): number {
    return this.#sent;
  }

  get heard(): number {
    return this.#heard.size;
  }

  /** Probes that came more than once. */
  get repeated(): number {
    return this.#repeated;
  }

  next(): Buffer {
    this.#sent += 1;
    return encodeProbe({ ...this.#probe, number: this.#sent });
  }

  hear(payload: Buffer): void {
    const probe = decodeProbe(payload);
    if (probe === undefined || probe.run !== this.#probe.run || probe.way !== this.#probe.way) return;
    if (this.#heard.has(probe.number)) this.#repeated += 1;
    this.#heard.add(probe.number);
  }
}
