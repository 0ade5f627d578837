/** The comparison as tables: what each server needed and the ratio to the last server, which is the measure. */
import type { ServerResult, WorkloadResult } from '../compare.ts';
import type { Subject } from './server.ts';
import { median, pairedRatio, spread } from './statistics.ts';
import { figure, mebibytes, table, withSpread } from './table.ts';

function cpu(result: ServerResult | undefined): number[] {
  return (result?.closed ?? []).map((run) => run.serverCpuUs);
}

/** The goal that holds for a server, if it is one of ours. */
function goalOf(workload: WorkloadResult, subject: Subject | undefined): number | undefined {
  if (subject === undefined || !subject.ours) return undefined;
  return subject.runtime === 'node' ? workload.goal?.node : workload.goal?.default;
}

function verdict(ratio: number, goal: number | undefined): string {
  if (goal === undefined || Number.isNaN(ratio)) return '';
  return `${ratio <= goal ? 'met' : 'missed'} (≤ ${goal.toFixed(2)})`;
}

/** Processor time, throughput and memory. */
export function costTable(workloads: readonly WorkloadResult[], subjects: readonly Subject[]): string {
  const measure = subjects.at(-1)?.name;
  const rows = workloads.flatMap((workload) => {
    const base = workload.servers.find(({ server }) => server === measure);
    return workload.servers.map((result) => {
      const isMeasure = result.server === measure;
      const ratio = pairedRatio(cpu(result), cpu(base));
      const goal = goalOf(
        workload,
        subjects.find(({ name }) => name === result.server),
      );
      return [
        workload.name,
        result.server,
        withSpread(spread(cpu(result))),
        isMeasure || base === undefined ? '' : withSpread(ratio),
        isMeasure ? '' : verdict(ratio.median, goal),
        figure(median(result.closed.map((run) => run.operationsPerSecond))),
        `${figure(median(result.closed.map((run) => run.serverBusy)) * 100)} %`,
        figure(median(result.closed.map((run) => run.loadCpuUs))),
        mebibytes(result.residentBytes),
      ];
    });
  });
  const head = [
    'workload',
    'server',
    'CPU µs/op',
    `ratio to ${measure ?? ''}`,
    'goal',
    'op/s',
    'busy',
    'load µs/op',
    'RSS MiB',
  ];
  return table(head, rows);
}

/** Latencies at a fixed rate, the same for all servers of a workload. */
export function latencyTable(workloads: readonly WorkloadResult[]): string {
  const rows = workloads.flatMap((workload) =>
    workload.servers
      .filter(({ open }) => open.length > 0)
      .map(({ server, open }) => [
        workload.name,
        server,
        figure(median(open.map((run) => run.ratePerSecond))),
        withSpread(spread(open.map((run) => run.p50Us))),
        withSpread(spread(open.map((run) => run.p99Us))),
        withSpread(spread(open.map((run) => run.p999Us))),
        figure(Math.max(...open.map((run) => run.maxUs))),
        figure(median(open.map((run) => run.lateP999Us))),
      ]),
  );
  return table(['workload', 'server', 'op/s', 'p50 µs', 'p99 µs', 'p99.9 µs', 'max µs', 'sent late p99.9'], rows);
}

/** What was not done, and why. */
function skippedLines(workloads: readonly WorkloadResult[]): string[] {
  const skipped = workloads.flatMap(({ name, skipped }) => skipped.map((why) => `${name}: ${why}`));
  return skipped.length === 0 ? [] : ['', `Not measured: ${skipped.join('; ')}.`];
}

/** What a smoke run says when nothing was wrong. */
export function smokeReport(workloads: readonly WorkloadResult[], subjects: readonly Subject[]): string {
  const names = subjects.map(({ name }) => name).join(' and ');
  const right = `every answer of ${names} to ${workloads.length} workloads was right; values compared in full`;
  return [right, ...skippedLines(workloads)].join('\n');
}

/** The whole report. */
export function compareReport(
  workloads: readonly WorkloadResult[],
  subjects: readonly Subject[],
  rounds: number,
): string {
  const parts = [
    `Medians of ${rounds} rounds [lowest–highest]; ratios are of neighbouring runs. CPU is the server's process, user and system.`,
    '',
    costTable(workloads, subjects),
  ];
  if (workloads.some(({ servers }) => servers.some(({ open }) => open.length > 0))) {
    parts.push(
      '',
      'Latency at a fixed rate (open loop: counted from when a request was due; the last column is how late the load itself was):',
      '',
      latencyTable(workloads),
    );
  }
  parts.push(...skippedLines(workloads), '', ...workloads.map(({ name, title }) => `- ${name}: ${title}`));
  return parts.join('\n');
}
