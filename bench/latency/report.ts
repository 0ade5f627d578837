/** What the slices amount to: two tables, of latencies and of stops. */
import type { Subject } from '../harness/server.ts';
import { median, spread } from '../harness/statistics.ts';
import { figure, table, withSpread } from '../harness/table.ts';
import { STOP_BOUNDS_MS } from '../load/stops.ts';
import type { LatencyResult } from './latency.ts';

/** A line for who waits. */
export function progressLine({ server, scenario, p999Us, lateP999Us, stops }: LatencyResult): string {
  const [longest] = stops.longest;
  const stop = longest === undefined ? 'none' : `${figure(longest.ranMs)} ms running of ${figure(longest.wallMs)}`;
  return `${server}, ${scenario}: p99.9 ${figure(p999Us)} µs, sent late ${figure(lateP999Us)} µs, longest stop ${stop}`;
}

/** All slices of one scenario on one server. */
type Group = readonly LatencyResult[];

export function latencyText(results: readonly LatencyResult[], subjects: readonly Subject[]): string {
  const base = subjects.at(-1)?.name;
  const names = [...new Set(results.map(({ scenario }) => scenario))];
  const of = (scenario: string, server: string | undefined): Group =>
    results.filter((result) => result.scenario === scenario && result.server === server);
  const latencies: string[][] = [];
  const stops: string[][] = [];
  for (const scenario of names) {
    for (const { name } of subjects) {
      const group = of(scenario, name);
      latencies.push([`${scenario}, ${name}`, ...latencyCells(group, name === base ? undefined : of(scenario, base))]);
      stops.push([`${scenario}, ${name}`, ...stopCells(group)]);
    }
  }
  const latencyHead = [
    'latency in µs',
    'op/s',
    'p50',
    'p99',
    'p99.9 [lowest–highest slice]',
    `to ${base}`,
    'max',
    'sent late',
  ];
  const bounds = STOP_BOUNDS_MS.map((bound) => `${bound} ms`);
  const stopHead = [
    'stops, by the server’s processor time',
    's',
    ...bounds,
    'longest',
    'ran',
    'waited',
    'neither',
    'blind',
  ];
  return `${table(latencyHead, latencies)}\n\n${table(stopHead, stops)}`;
}

function latencyCells(group: Group, base: Group | undefined): string[] {
  const p999 = (results: Group): number[] => results.map(({ p999Us }) => p999Us);
  const differences = base === undefined ? [] : p999(group).map((value, i) => value - (base[i]?.p999Us ?? Number.NaN));
  return [
    figure(median(group.map(({ ratePerSecond }) => ratePerSecond))),
    figure(median(group.map(({ p50Us }) => p50Us))),
    figure(median(group.map(({ p99Us }) => p99Us))),
    withSpread(spread(p999(group))),
    base === undefined ? '' : figure(median(differences)),
    figure(Math.max(...group.map(({ maxUs }) => maxUs))),
    figure(median(group.map(({ lateP999Us }) => lateP999Us))),
  ];
}

function stopCells(group: Group): string[] {
  const sum = (pick: (result: LatencyResult) => number): number => group.reduce((total, it) => total + pick(it), 0);
  const longest = Math.max(0, ...group.flatMap(({ stops }) => stops.longest.map(({ ranMs }) => ranMs)));
  return [
    figure(sum(({ count, ratePerSecond }) => count / ratePerSecond)),
    ...STOP_BOUNDS_MS.map((_, i) => String(sum(({ stops }) => stops.byRan[i] ?? 0))),
    `${figure(longest)} ms`,
    ...(['ranMs', 'waitedMs', 'neitherMs', 'blindMs'] as const).map(
      (field) => `${figure(sum(({ stops }) => stops[field]))} ms`,
    ),
  ];
}
