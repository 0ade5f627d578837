/** The nodes as the coordinator knows them, and the commands that take one out of the ring and let it back in. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { NodeList, NodeParams, NodeView } from '../../../api/coordinator.ts';
import { Problem } from '../../../api/problem.ts';
import { wallMsOf, type Clock } from '../../../base/clock.ts';
import { compareNames } from '../../../topology/document.ts';
import { audit } from '../audit.ts';
import type { Fleet } from '../../fleet.ts';
import { LEFT_OUT_SHOWN_MAX } from '../../limits.ts';
import type { MonitoredNode } from '../../health/monitor.ts';
import { sendProblem } from '../../../http/problems.ts';
import { shared } from '../../../http/shared.ts';
import type { Publisher } from '../../publisher.ts';

export interface NodeRoutesOptions {
  readonly fleet: Fleet;
  readonly fleetName: string;
  readonly publisher: Publisher;
  /** The fleet's. */
  readonly clock: Clock;
}

/** What the list shows of the statistics; one node shows all. */
const SUMMARY_STATS: ReadonlySet<string> = new Set(
  (
    'pid uptime version memfleet_version curr_connections max_connections total_connections cmd_get cmd_set get_hits ' +
    'get_misses curr_items total_items bytes limit_maxbytes evictions expired_unfetched bytes_read bytes_written'
  ).split(' '),
);

/** Adds the routes. */
export function addNodeRoutes(scope: FastifyInstance, options: NodeRoutesOptions): void {
  addReadRoutes(scope, options);
  addDrainRoutes(scope, options);
}

function addReadRoutes(scope: FastifyInstance, { fleet, fleetName, publisher, clock }: NodeRoutesOptions): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const listSchema = { summary: 'Every node with state, last probe and statistics.', response: { 200: NodeList } };
  const list = shared(clock, 0, async () => {
    await fleet.refreshStats(fleet.nodes().map(({ observed }) => observed.name));
    const nodes = fleet.nodes().map((node) => toView(node, SUMMARY_STATS, clock));
    const view: NodeList = {
      fleet: fleetName,
      version: publisher.current?.document.version ?? 0,
      held: fleet.held ?? null,
      sources: fleet.sources().map(({ name, up, error, missing }) => ({ name, up, error: error ?? null, missing })),
      leftOut: { count: fleet.leftOut().length, shown: fleet.leftOut().slice(0, LEFT_OUT_SHOWN_MAX) },
      nodes: nodes.sort(compareNames),
    };
    return JSON.stringify(view);
  });
  scope.get('/v1/nodes', { schema: listSchema }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await list()),
  );

  const nodeSchema = { summary: 'One node, with all statistics.', params: NodeParams };
  const response = { 200: NodeView, 404: Problem };
  app.get('/v1/nodes/:name', { schema: { ...nodeSchema, response } }, async (request, reply) => {
    const { name } = request.params;
    await fleet.refreshStats([name]);
    const node = fleet.nodes().find(({ observed }) => observed.name === name);
    return node === undefined ? sendProblem(reply, 404, `there is no node ${name}`) : toView(node, undefined, clock);
  });
}

function addDrainRoutes(scope: FastifyInstance, { fleet, clock }: NodeRoutesOptions): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const response = { 200: NodeView, 401: Problem, 403: Problem, 404: Problem, 409: Problem };
  const commands = [
    { verb: 'drain', drained: true, summary: 'Takes a node out of the ring until it is resumed.' },
    { verb: 'resume', drained: false, summary: 'Flushes a drained node and lets it back into the ring.' },
  ];
  for (const { verb, drained, summary } of commands) {
    const schema = { summary, params: NodeParams, response, security: [{ token: [] }] };
    app.post(`/v1/nodes/:name/${verb}`, { schema }, async (request, reply) => {
      const { name } = request.params;
      if (drained && fleet.isLastActive(name)) {
        return sendProblem(reply, 409, `${name} is the only active node; without it no key would have an owner`);
      }
      const node = fleet.setDrained(name, drained);
      if (node === undefined) return sendProblem(reply, 404, `there is no node ${name}`);
      audit(request, verb, { node: name });
      return toView(node, undefined, clock);
    });
  }
}

function toView(
  { observed, health, probe, stats }: MonitoredNode,
  only: ReadonlySet<string> | undefined,
  clock: Clock,
): NodeView {
  const age = (atMs: number): number => clock.monotonicMs() - atMs;
  const at = (atMs: number): string => new Date(wallMsOf(clock, atMs)).toISOString();
  const { name, host, ip, port, weight, sidecar, hint } = observed;
  const { state, sinceMs, drained, failures } = health;
  const shown = [...(stats?.values ?? [])].filter(([stat]) => only === undefined || only.has(stat));
  return {
    name,
    host,
    ip,
    port,
    weight,
    state,
    sidecar,
    hint,
    drained,
    failures,
    since: at(sinceMs),
    stateSeconds: age(sinceMs) / 1000,
    probe: probe === undefined ? null : toProbeView(probe, at),
    stats:
      stats === undefined
        ? null
        : { at: at(stats.atMs), ageMs: age(stats.atMs), values: Object.fromEntries(shown.map(toStat)) },
  };
}

function toProbeView(
  { atMs, ...rest }: NonNullable<MonitoredNode['probe']>,
  at: (atMs: number) => string,
): NonNullable<NodeView['probe']> {
  return { at: at(atMs), ...rest, durationMs: Math.round(rest.durationMs * 1000) / 1000 };
}

/** Numbers as numbers, unless JavaScript's would lose digits. */
function toStat([name, text]: [string, string]): [string, string | number] {
  const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return [name, Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : text];
}
