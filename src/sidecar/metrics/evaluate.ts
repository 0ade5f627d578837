/** Turns a snapshot into metrics by the tables. Pure; knows no metric by name and nothing of the exposition format. */
import type { ClassStats, Snapshot, Stats } from '../snapshot.ts';
import type { Block, Metric, MetricGroup, Sample } from './table.ts';

/** One line of the exposition. */
export interface SampleValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with its samples, at least one. */
export interface EvaluatedMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly values: readonly SampleValue[];
}

/** A block of statistics, of one slab class or of the node. */
type Lookup = (block: Block) => Stats;

/** The metrics of a snapshot in the order of the tables. */
export function evaluate(groups: readonly MetricGroup[], snapshot: Snapshot): EvaluatedMetric[] {
  const node: Lookup = (block) => blockOf(snapshot, block);
  return groups
    .filter((group) => applies(group, node))
    .flatMap((group) => {
      const places = group.per === 'node' ? [{ labels: {}, lookup: node }] : slabPlaces(snapshot);
      return group.metrics.map((metric) => ({
        name: metric.name,
        type: metric.type,
        help: metric.help,
        values: places.flatMap(({ labels, lookup }) => valuesAt(metric, group.block, lookup, labels)),
      }));
    })
    .filter((metric) => metric.values.length > 0);
}

function applies(group: MetricGroup, lookup: Lookup): boolean {
  if (group.when === undefined) return true;
  const text = lookup(group.when.block).get(group.when.stat);
  return text !== undefined && (group.when.equals === undefined || text === group.when.equals);
}

function blockOf(snapshot: Snapshot, block: Block): Stats {
  const stats: Stats | ClassStats = snapshot[block];
  return 'totals' in stats ? stats.totals : stats;
}

const NO_STATS: Stats = new Map();

function slabPlaces(snapshot: Snapshot): { labels: Record<string, string>; lookup: Lookup }[] {
  const { items, slabs } = snapshot;
  const ids = [...new Set([...items.classes.keys(), ...slabs.classes.keys()])].sort((a, b) => Number(a) - Number(b));
  return ids.map((slab) => ({
    labels: { slab },
    lookup: (block) => (block === 'items' ? items : slabs).classes.get(slab) ?? NO_STATS,
  }));
}

function valuesAt(metric: Metric, block: Block, lookup: Lookup, labels: Record<string, string>): SampleValue[] {
  const values: SampleValue[] = [];
  const seen = new Set<string>();
  for (const sample of metric.samples) {
    // Samples with the same labels are alternatives, and the first that is there counts.
    const series = JSON.stringify(sample.labels ?? {});
    const found = seen.has(series) ? undefined : read(sample, lookup(sample.block ?? block));
    if (found === undefined) continue;
    seen.add(series);
    values.push({ labels: { ...labels, ...sample.labels, ...found.labels }, value: found.value });
  }
  return values;
}

function read(sample: Sample, stats: Stats): SampleValue | undefined {
  const text = stats.get(sample.stat);
  if (text === undefined) return undefined;
  if (typeof sample.as === 'object') return { labels: { [sample.as.label]: text }, value: 1 };
  const value = sample.as === 'yesNo' ? yesNo(text) : difference(text, sample.minus ?? [], stats);
  return value === undefined ? undefined : { labels: {}, value };
}

function yesNo(text: string): number | undefined {
  return text === 'yes' ? 1 : text === 'no' ? 0 : undefined;
}

function difference(text: string, minus: readonly string[], stats: Stats): number | undefined {
  let value = number(text);
  for (const name of minus) {
    const less = number(stats.get(name));
    if (value === undefined || less === undefined) return undefined;
    // The daemon's threads count on while they are added up, so the parts can be ahead of their sum for a moment.
    value = Math.max(0, value - less);
  }
  return value;
}

function number(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d+(\.\d+)?$/.test(text)) return undefined;
  return Number(text);
}
