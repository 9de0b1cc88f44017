import { arch, cpus, release } from 'node:os';
import type { Contender } from './contender.ts';
import type { Figures } from './jobs.ts';
import type { BenchOptions } from './options.ts';
import type { World } from './world.ts';

/** All rounds' figures by proxy name. */
export type Samples = ReadonlyMap<string, readonly Figures[]>;

interface Metric {
  readonly name: string;
  readonly title: string;
  readonly digits: number;
  /** Counted above this contender's. */
  readonly above?: string;
  /** Figures that are described, not compared. */
  readonly withoutRatio?: true;
}

/** A busy share of a core above which whoever has it is called saturated. */
const saturated = 0.9;

/** A share of a core that others may take during a measurement before the figures are called disturbed. */
const quiet = 0.1;

export function renderReport(
  samples: Samples,
  contenders: readonly Contender[],
  options: BenchOptions,
  world: World,
): string {
  const metrics = metricsOf(options).filter((metric) => allOf(samples, metric.name).length > 0);
  return [
    ...machineLines(options, world),
    ...contenders.map(({ label, describe }) => `${label}: ${describe()}`),
    '',
    '| figure | proxy | median | lowest … highest | × bare Node | × HAProxy |',
    '|---|---|---|---|---|---|',
    ...metrics.flatMap((metric) => contenders.flatMap((contender) => row(metric, contender, samples))),
    '',
    ...directLines(samples),
    ...guardLines(samples, contenders, options),
  ].join('\n');
}

export function toJson(
  samples: Samples,
  contenders: readonly Contender[],
  options: BenchOptions,
  world: World,
): unknown {
  return {
    machine: machineLines(options, world),
    options,
    contenders: contenders.map(({ name, describe }) => ({ name, description: describe() })),
    medians: Object.fromEntries(
      [...samples].map(([name, rounds]) => [
        name,
        Object.fromEntries(metricNames(rounds).map((metric) => [metric, median(valuesOf(rounds, metric))])),
      ]),
    ),
    samples: Object.fromEntries(samples),
    notes: guardLines(samples, contenders, options),
  };
}

function metricsOf({ sizes }: BenchOptions): readonly Metric[] {
  return [
    { name: 'connect/cpu', title: 'CPU per connect, µs', digits: 0 },
    { name: 'connect/worker-cpu', title: 'CPU per connect, its worker alone, µs', digits: 0 },
    { name: 'connect/rate', title: 'connects per second', digits: 0 },
    { name: 'connect/upstream-resumed', title: 'share of upstream sessions resumed', digits: 3, withoutRatio: true },
    ...sizes.inFlight.flatMap((inFlight): readonly Metric[] => [
      { name: `message-${inFlight}/cpu`, title: `CPU per message, ${inFlight} in flight, µs`, digits: 2 },
      {
        name: `message-${inFlight}/worker-cpu`,
        title: `CPU per message, ${inFlight} in flight, its worker alone, µs`,
        digits: 2,
      },
      { name: `message-${inFlight}/rate`, title: `messages per second, ${inFlight} in flight`, digits: 0 },
    ]),
    { name: 'latency/p50', title: 'added latency, p50, µs', digits: 0, above: 'direct' },
    { name: 'latency/p99', title: 'added latency, p99, µs', digits: 0, above: 'direct' },
    { name: 'memory/idle', title: 'resident before any device, MB', digits: 1 },
    ...sizes.memoryDevices.flatMap((count): readonly Metric[] => [
      { name: `memory-${count}/rss`, title: `resident per device at ${count}, KB`, digits: 1 },
      { name: `memory-${count}/pss`, title: `the same, shared pages divided (PSS), KB`, digits: 1 },
    ]),
  ];
}

function directLines(samples: Samples): readonly string[] {
  const rounds = samples.get('direct') ?? [];
  const [p50, p99] = ['latency/p50', 'latency/p99'].map((name) => median(valuesOf(rounds, name)).toFixed(0));
  return rounds.length === 0 ? [] : [`latency without a proxy: p50 ${p50} µs, p99 ${p99} µs`];
}

function row(metric: Metric, contender: Contender, samples: Samples): readonly string[] {
  const rounds = samples.get(contender.name) ?? [];
  const values = figuresOf(metric, contender.name, samples);
  if (values.length === 0 || repeatsTheTotal(metric, rounds)) return [];
  const ratioTo = (name: string) => (metric.withoutRatio ? '' : pairedRatio(values, figuresOf(metric, name, samples)));
  const range = `${Math.min(...values).toFixed(metric.digits)} … ${Math.max(...values).toFixed(metric.digits)}`;
  const typical = median(values).toFixed(metric.digits);
  return [`| ${[metric.title, contender.label, typical, range, ratioTo('bare'), ratioTo('haproxy')].join(' | ')} |`];
}

/** Every slice in its order; latency as what it is above the direct connection's in the same turn. */
function figuresOf(metric: Metric, contender: string, samples: Samples): readonly number[] {
  const values = valuesOf(samples.get(contender) ?? [], metric.name);
  if (metric.above === undefined) return values;
  const baseline = valuesOf(samples.get(metric.above) ?? [], metric.name);
  return values.map((value, turn) => value - (baseline[turn] ?? Number.NaN));
}

/** The median of the ratios of figures from the same turn, which a machine that drifts leaves alone. */
function pairedRatio(own: readonly number[], others: readonly number[]): string {
  const isComparable = own.length === others.length && [...own, ...others].every((value) => value > 0);
  return isComparable ? median(own.map((value, turn) => value / (others[turn] ?? Number.NaN))).toFixed(2) : '';
}

/** A proxy of one process has no figure of its worker alone. */
function repeatsTheTotal(metric: Metric, rounds: readonly Figures[]): boolean {
  const total = metric.name.replace('/worker-cpu', '/cpu');
  return total !== metric.name && rounds.every((figures) => figures[metric.name] === figures[total]);
}

function machineLines(options: BenchOptions, world: World): readonly string[] {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const pinning =
    world.cores.proxy === undefined
      ? 'nothing is pinned to a core'
      : `the proxy (all its processes) on core ${world.cores.proxy}, devices and brokers on core ${world.cores.peers}`;
  const { sizes } = options;
  return [
    `${model}, ${cpus().length} cores, Linux ${release()} ${arch()}; ${pinning}`,
    `rounds: ${options.rounds} of ${sizes.slices} slices each, order rotated; upstream client certificate: ${options.mutualUpstream ? 'yes' : 'no'}`,
    `a slice: ${sizes.connects} connects, ${sizes.concurrency} unfinished at a time; messages: ${sizes.messageDevices} devices, ` +
      `${sizes.messageMs} ms; latency: ${sizes.latencyRate} messages/s from ${sizes.latencyDevices} devices, ${sizes.latencyMs} ms`,
    ...(sizes.slices < 5 ? ['a quick run: it shows that everything works, its figures mean nothing'] : []),
  ];
}

/** Says which jobs were disturbed, and where it was not the proxy that bounded a rate. */
function guardLines(samples: Samples, contenders: readonly Contender[], options: BenchOptions): readonly string[] {
  const rates = ['connect', ...options.sizes.inFlight.map((inFlight) => `message-${inFlight}`)];
  const notes = [
    ...[...rates, 'latency'].flatMap((name) => disturbance(name, samples)),
    ...contenders.flatMap((contender) => rates.flatMap((name) => bottleneck(contender, name, samples))),
  ];
  const measured = rates.some((name) => allOf(samples, `${name}/proxy-busy`).length > 0);
  return measured && notes.length === 0
    ? ['Every rate was bounded by the proxy, and nothing else ran on the machine.']
    : notes;
}

function disturbance(name: string, samples: Samples): readonly string[] {
  const others = Math.max(0, ...allOf(samples, `${name}/others-busy`));
  const stolen = Math.max(0, ...allOf(samples, `${name}/stolen`));
  if (others < quiet && stolen < quiet) return [];
  const shares = `others on the machine ${percent(others)} of a core, its hypervisor ${percent(stolen)}`;
  return [`${name}: disturbed, in its worst slice by ${shares}`];
}

/** CPU figures stand whoever was the bottleneck; a rate does not. */
function bottleneck(contender: Contender, name: string, samples: Samples): readonly string[] {
  const rounds = samples.get(contender.name) ?? [];
  const proxyBusy = median(valuesOf(rounds, `${name}/proxy-busy`));
  const peersBusy = median(valuesOf(rounds, `${name}/peers-busy`));
  if (Number.isNaN(proxyBusy) || proxyBusy >= saturated) return [];
  const who = peersBusy >= saturated ? 'devices and brokers were the bottleneck' : 'no side was saturated';
  const busy = `proxy ${percent(proxyBusy)}, devices and brokers ${percent(peersBusy)} of a core`;
  return [`${contender.label}, ${name}: ${who} (${busy}), so its rate is a lower bound`];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function valuesOf(rounds: readonly Figures[], metric: string): readonly number[] {
  return rounds.flatMap((figures) => figures[metric] ?? []);
}

function allOf(samples: Samples, metric: string): readonly number[] {
  return [...samples.values()].flatMap((rounds) => valuesOf(rounds, metric));
}

function metricNames(rounds: readonly Figures[]): readonly string[] {
  return [...new Set(rounds.flatMap((figures) => Object.keys(figures)))];
}
