/** The coordinator about itself: alive, ready, metrics, its description. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Description, Health, MetricsText, Readiness } from '../../../api/coordinator.ts';
import { Problem } from '../../../api/problem.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Fleet } from '../../fleet.ts';
import { sendProblem } from '../../../http/problems.ts';
import { shared } from '../../../http/shared.ts';
import { METRICS_AGE_MS } from '../../limits.ts';
import type { CoordinatorMetrics } from '../../metrics.ts';
import type { Publisher } from '../../publisher.ts';

export interface SelfRoutesOptions {
  readonly fleet: Fleet;
  readonly publisher: Publisher;
  readonly metrics: CoordinatorMetrics;
  readonly clock: Clock;
}

/** Adds the routes. */
export function addSelfRoutes(scope: FastifyInstance, { fleet, publisher, metrics, clock }: SelfRoutesOptions): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const startedMs = clock.monotonicMs();
  app.get('/healthz', { schema: { summary: 'Does the process live?', response: { 200: Health } } }, () => ({
    status: 'ok' as const,
    uptimeSeconds: (clock.monotonicMs() - startedMs) / 1000,
  }));

  const readySchema = { summary: 'Is there a topology to be had?', response: { 200: Readiness, 503: Problem } };
  app.get('/readyz', { schema: readySchema }, async (_request, reply) => {
    const { current } = publisher;
    // A topology from before is good to have: a source that is away now does not make the coordinator useless.
    if (current !== undefined) {
      return { status: 'ready' as const, version: current.document.version, held: fleet.held ?? null };
    }
    return sendProblem(reply, 503, fleet.notSeenYet ?? fleet.held ?? 'the first topology is being made');
  });

  const exposition = shared(clock, METRICS_AGE_MS, () => metrics.render());
  const metricsSchema = { summary: 'For Prometheus.', response: { 200: MetricsText } };
  scope.get('/metrics', { schema: metricsSchema }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await exposition()),
  );

  const description = shared(clock, Number.POSITIVE_INFINITY, () => JSON.stringify(scope.swagger()));
  const schema = { summary: 'This description.', response: { 200: Description } };
  scope.get('/openapi.json', { schema }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await description()),
  );
}
