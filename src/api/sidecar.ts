/** The HTTP contract of a sidecar: what each route answers, for types, serialisation and `/openapi.json`. */
import { Type, type Static } from 'typebox';

/** `GET /healthz`: the process lives, whatever the daemon does. */
export const Health = Type.Object(
  {
    status: Type.Literal('ok'),
    node: Type.String({ description: 'The name of the node.' }),
    uptimeSeconds: Type.Number({ description: 'Seconds since the sidecar started.' }),
  },
  { description: 'The sidecar lives.' },
);
export type Health = Static<typeof Health>;

/** `GET /readyz`: the daemon answers and the node is not leaving. */
export const Readiness = Type.Object(
  {
    status: Type.Literal('ready'),
    node: Type.String({ description: 'The name of the node.' }),
    daemon: Type.String({ description: 'HOST:PORT of the daemon, or unix:PATH.' }),
    full: Type.Optional(
      Type.Boolean({ description: 'The daemon takes no further connection (-c), and serves those it has.' }),
    ),
  },
  { description: 'The daemon answers and the node is not draining.' },
);
export type Readiness = Static<typeof Readiness>;

const StatValue = Type.Union([Type.Number(), Type.String()], {
  description: 'A number where memcached prints a number, with all its digits also beyond 2^53; else its text.',
});

/** `GET /stats`, `/stats/settings`, `/stats/sizes`: names as memcached's. */
export const StatsBody = Type.Record(Type.String(), StatValue, { description: "Statistics by memcached's names." });

/** `GET /stats/items`, `/stats/slabs`, `/stats/conns`: an object for each class id or connection, totals beside them. */
export const ClassStatsBody = Type.Record(
  Type.String(),
  Type.Union([StatValue, Type.Record(Type.String(), StatValue)]),
  {
    description: "Statistics by slab class or connection, then by memcached's names; totals stand beside the numbers.",
  },
);

/** The text exposition format of Prometheus, version 0.0.4. */
export const MetricsBody = Type.String({ description: 'Text exposition format, version 0.0.4.' });

/** `GET /openapi.json`: an OpenAPI 3.1 document. */
export const Description = Type.Unknown({ description: 'OpenAPI 3.1.' });
