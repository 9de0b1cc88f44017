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
    ...contenders.map((proxy) => `${proxy.label}: ${proxy.describe()}`),
    '',
    '| figure | proxy | median | lowest … highest | × bare Node | × HAProxy |',
    '|---|---|---|---|---|---|',
    ...metrics.flatMap((metric) => contenders.flatMap((proxy) => row(metric, proxy, samples))),
    '',
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
    contenders: contenders.map((proxy) => ({ name: proxy.name, description: proxy.describe() })),
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
    { name: 'latency/added-p50', title: 'added latency, p50, µs', digits: 0 },
    { name: 'latency/added-p99', title: 'added latency, p99, µs', digits: 0 },
    { name: 'memory/idle', title: 'resident before any device, MB', digits: 1 },
    ...sizes.memoryDevices.flatMap((count): readonly Metric[] => [
      { name: `memory-${count}/rss`, title: `resident per device at ${count}, KB`, digits: 1 },
      { name: `memory-${count}/pss`, title: `the same, shared pages divided (PSS), KB`, digits: 1 },
    ]),
  ];
}

function row(metric: Metric, contender: Contender, samples: Samples): readonly string[] {
  const rounds = samples.get(contender.name) ?? [];
  const values = valuesOf(rounds, metric.name);
  if (values.length === 0 || repeatsTheTotal(metric, rounds)) return [];
  const own = median(values);
  const ratioTo = (name: string) => {
    const other = median(valuesOf(samples.get(name) ?? [], metric.name));
    return metric.withoutRatio || !(own > 0 && other > 0) ? '' : (own / other).toFixed(2);
  };
  const range = `${Math.min(...values).toFixed(metric.digits)} … ${Math.max(...values).toFixed(metric.digits)}`;
  const cells = [metric.title, contender.label, own.toFixed(metric.digits), range, ratioTo('bare'), ratioTo('haproxy')];
  return [`| ${cells.join(' | ')} |`];
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
    `rounds: ${options.rounds}, order rotated; upstream client certificate: ${options.mutualUpstream ? 'yes' : 'no'}`,
    `connects: ${sizes.connects}, ${sizes.concurrency} unfinished at a time; messages: ${sizes.messageDevices} devices, ` +
      `${sizes.messageMs} ms; latency: ${sizes.latencyRate} messages/s from ${sizes.latencyDevices} devices, ${sizes.latencyMs} ms`,
    ...(sizes.connects < 1_000 ? ['a quick run: it shows that everything works, its figures mean nothing'] : []),
  ];
}

/** Says which figures were disturbed, and where it was not the proxy that bounded a rate. */
function guardLines(samples: Samples, contenders: readonly Contender[], options: BenchOptions): readonly string[] {
  const rates = ['connect', ...options.sizes.inFlight.map((inFlight) => `message-${inFlight}`)];
  const notes = contenders.flatMap((contender) => {
    const rounds = samples.get(contender.name) ?? [];
    return [
      ...[...rates, 'latency'].flatMap((name) => disturbance(contender, name, rounds)),
      ...rates.flatMap((name) => bottleneck(contender, name, rounds)),
    ];
  });
  const measured = rates.some((name) => allOf(samples, `${name}/proxy-busy`).length > 0);
  return measured && notes.length === 0
    ? ['Every rate was bounded by the proxy, and nothing else ran on the machine.']
    : notes;
}

function disturbance({ label }: Contender, name: string, rounds: readonly Figures[]): readonly string[] {
  const others = Math.max(0, ...valuesOf(rounds, `${name}/others-busy`));
  const stolen = Math.max(0, ...valuesOf(rounds, `${name}/stolen`));
  if (others < quiet && stolen < quiet) return [];
  const whom = `others on the machine took up to ${percent(others)} of a core, its hypervisor up to ${percent(stolen)}`;
  return [`${label}, ${name}: disturbed, ${whom}`];
}

/** CPU figures stand whoever was the bottleneck; a rate does not. */
function bottleneck({ label }: Contender, name: string, rounds: readonly Figures[]): readonly string[] {
  const proxyBusy = median(valuesOf(rounds, `${name}/proxy-busy`));
  const peersBusy = median(valuesOf(rounds, `${name}/peers-busy`));
  if (Number.isNaN(proxyBusy) || proxyBusy >= saturated) return [];
  const who = peersBusy >= saturated ? 'devices and brokers were the bottleneck' : 'no side was saturated';
  const busy = `proxy ${percent(proxyBusy)}, devices and brokers ${percent(peersBusy)} of a core`;
  return [`${label}, ${name}: ${who} (${busy}), so its rate is a lower bound`];
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
