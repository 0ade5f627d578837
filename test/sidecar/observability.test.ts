/**
 * What the repository ships for Prometheus and Grafana against what the processes expose: a metric that is renamed
 * breaks a panel or an alert here and not at night.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../src/coordinator/fleet.ts';
import { CoordinatorMetrics } from '../../src/coordinator/metrics.ts';
import type { Publisher } from '../../src/coordinator/publisher.ts';
import { OWN_GROUPS } from '../../src/sidecar/metrics/own.ts';
import { DAEMON_GROUPS, Exposition, NODE_METRICS } from '../../src/sidecar/metrics/exposition.ts';
import { describeWith } from '../support/requirements.ts';
import { parseExposition } from './support/parse-exposition.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dashboardText = readFileSync(join(root, 'grafana/dashboards/memfleet.json'), 'utf8');
const alerts = readFileSync(join(root, 'docker/alerts.yml'), 'utf8');
const documented = readFileSync(join(root, 'docs/metrics.md'), 'utf8');

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string }[];
}

interface Dashboard {
  panels: Panel[];
  templating: { list: { name: string; query: string | { query: string }; allValue?: string }[] };
  annotations: { list: { expr?: string }[] };
}

const dashboard = JSON.parse(dashboardText) as Dashboard;
const expressions = [
  ...dashboard.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr)),
  ...dashboard.annotations.list.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
];

/** The metrics of a coordinator that has nothing to tell yet. */
async function coordinatorMetrics(): Promise<string[]> {
  const metrics = new CoordinatorMetrics();
  const fleet = { held: undefined, sources: () => [], leftOut: () => [], nodes: () => [] };
  const publisher = { current: undefined, watcherCount: 0, changes: 0 };
  metrics.watch(fleet as unknown as Fleet, publisher as unknown as Publisher, () => 0);
  return [...parseExposition(await metrics.render()).keys()];
}

async function exposedNames(): Promise<Set<string>> {
  const status = { name: 'x', draining: false, topologyVersion: 1 };
  return new Set([
    ...[...DAEMON_GROUPS, ...OWN_GROUPS].flatMap(({ metrics }) => metrics.map(({ name }) => name)),
    ...Object.values(NODE_METRICS).map(({ name }) => name),
    ...parseExposition(await new Exposition().render(undefined, status)).keys(),
    ...(await coordinatorMetrics()),
  ]);
}

/** The metrics that an expression names; a histogram is known without the ends of its series. */
function metricNames(text: string): string[] {
  const names = text.replaceAll(/"[^"]*"/g, '').match(/\bmem(?:cached|fleet)_[a-z0-9_]+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}

describe('the dashboard', () => {
  test('asks only for metrics that are exposed', async () => {
    const exposed = await exposedNames();
    const queries = dashboard.templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query));
    const asked = [...expressions, ...queries].flatMap(metricNames);
    expect(asked.length).toBeGreaterThan(30);
    expect(asked.filter((name) => !exposed.has(name))).toEqual([]);
  });

  test("selects as the memcached mixin's dashboard does", () => {
    const variables = dashboard.templating.list.map(({ name, allValue }) => [name, allValue]);
    expect(variables).toEqual([
      ['datasource', undefined],
      ['cluster', '.*'],
      ['namespace', '.+'],
      ['job', '.+'],
      ['instance', '.+'],
    ]);
    for (const expr of expressions.filter((text) => text.includes('memcached_'))) {
      for (const name of ['cluster', 'namespace', 'job', 'instance']) expect(expr).toContain(`${name}=~"$${name}"`);
    }
  });

  test('has panels that do not overlap, each with its own id', () => {
    const cells = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.get(`${x} ${y}`)).toBeUndefined();
          cells.set(`${x} ${y}`, title);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

describe('the alert rules', () => {
  test('watch only metrics that are exposed', async () => {
    const exposed = await exposedNames();
    const watched = [...alerts.matchAll(/expr: (?:>\n((?: {10}.*\n)+)|(.*))/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    expect(watched).toHaveLength(alerts.match(/- alert:/g)?.length ?? 0);
    expect(watched.flatMap(metricNames).filter((name) => !exposed.has(name))).toEqual([]);
  });

  test("have the memcached mixin's names", () => {
    for (const name of ['MemcachedDown', 'MemcachedConnectionLimitApproaching', 'MemcachedOutOfMemoryErrors']) {
      expect(alerts).toContain(`- alert: ${name}\n`);
    }
  });
});

describe('the documentation', () => {
  test("has the coordinator's metrics", async () => {
    const own = (await coordinatorMetrics()).filter((name) => !name.startsWith('memfleet_coordinator_'));
    expect(own.filter((name) => !documented.includes(`| \`${name}`))).toEqual([]);
  });
});

function promtool(...args: string[]): string {
  return execFileSync('promtool', args, {
    cwd: join(root, 'test/sidecar'),
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

describeWith(['promtool'], 'promtool', () => {
  test('accepts the configuration and the rules', () => {
    expect(promtool('check', 'config', '../../docker/prometheus.yml')).toContain('SUCCESS');
  });

  test('sees the alerts fire when they should', () => {
    expect(promtool('test', 'rules', 'alerts.promtool.yml')).toContain('SUCCESS');
  });

  test('can parse every query of the dashboard', () => {
    const rules = expressions.map((expr, i) => {
      const plain = expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(\w+)/g, '.+');
      return `      - { record: 'panel:query:${i}', expr: ${JSON.stringify(plain)} }`;
    });
    const folder = mkdtempSync(join(tmpdir(), 'memfleet-rules-'));
    try {
      const path = join(folder, 'rules.yml');
      writeFileSync(path, `groups:\n  - name: dashboard\n    rules:\n${rules.join('\n')}\n`);
      expect(promtool('check', 'rules', path)).toContain(`SUCCESS: ${rules.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
