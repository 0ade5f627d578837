/** The HTTP contract of the coordinator: what each route takes and answers, for types, serialisation, `/openapi.json`. */
import { Type, type Static } from 'typebox';
import { Duration } from './duration.ts';

const NodeStateName = Type.Union(
  [Type.Literal('joining'), Type.Literal('active'), Type.Literal('draining'), Type.Literal('down')],
  { description: 'The ring is the active nodes.' },
);

const NODE_FIELDS = {
  name: Type.String({ description: 'Unique and stable, for example memfleet-cache-1.' }),
  host: Type.String({ description: 'With the port, what the ring is computed from.' }),
  ip: Type.String({ description: 'Where to connect to.' }),
  port: Type.Integer(),
  weight: Type.Number(),
  state: NodeStateName,
  sidecar: Type.String({ description: 'Base URL of the sidecar; empty if there is none.' }),
};

/** `GET /v1/topology`. */
export const Topology = Type.Object(
  {
    fleet: Type.String(),
    version: Type.Integer({ description: 'Below 2^31; rises with every change, never goes down.' }),
    publishedAt: Type.String({ format: 'date-time' }),
    hashing: Type.Object({
      algorithm: Type.String(),
      keyHash: Type.String(),
      pointsPerNode: Type.Integer(),
    }),
    nodes: Type.Array(Type.Object(NODE_FIELDS)),
    ipDiscovery: Type.Optional(
      Type.Literal('ipv6', { description: 'Auto-discovery tells nodes that have IPv6 alone as well.' }),
    ),
    signature: Type.Optional(
      Type.String({ description: 'By which coordinators know what one of them has published; for nobody else.' }),
    ),
  },
  { description: 'The topology document.' },
);

const ViewName = Type.Union([Type.Literal('network'), Type.Literal('host')], {
  description: 'Addresses as in the nodes’ own network (default), or as published by the host that answers.',
});

/** Query of the lists for other software. */
export const ViewQuery = Type.Object({ view: Type.Optional(ViewName) });

/** Query of `GET /v1/topology/servers.txt`. */
export const ServerListQuery = Type.Object({
  view: Type.Optional(ViewName),
  format: Type.Optional(
    Type.Union([Type.Literal('plain'), Type.Literal('libmemcached')], {
      description: 'libmemcached: a configuration string for memcached(3), one --SERVER=host:port a line.',
    }),
  ),
});

/** Query of `GET /v1/topology`. */
export const TopologyQuery = Type.Object({
  view: Type.Optional(ViewName),
  after: Type.Optional(Type.String({ pattern: '^\\d{1,10}$', description: 'Only a version above this one is news.' })),
  wait: Type.Optional(Duration('How long to hold the request until there is news')),
});

/** Query of `GET /v1/owner`. */
export const OwnerQuery = Type.Object({ key: Type.String({ description: 'The key, without a client’s prefix.' }) });

/** `GET /v1/owner`. */
export const Owner = Type.Object({ key: Type.String(), version: Type.Integer(), node: Type.Object(NODE_FIELDS) });

const StatValue = Type.Union([Type.Number(), Type.String()]);

/** One node as the coordinator knows it. */
export const NodeView = Type.Object({
  ...NODE_FIELDS,
  since: Type.String({ format: 'date-time', description: 'When the state began, by the clock as it is now.' }),
  stateSeconds: Type.Number({ description: 'For how long it has lasted, whatever was done to the clock.' }),
  hint: Type.String({ description: 'What discovery says: running, unhealthy, unlisted, paused, leaving or stopped.' }),
  drained: Type.Boolean({ description: 'Taken out of the ring by an operator.' }),
  failures: Type.Integer({ description: 'Probes failed in a row.' }),
  probe: Type.Union([
    Type.Object({
      at: Type.String({ format: 'date-time' }),
      ok: Type.Boolean(),
      durationMs: Type.Number(),
      version: Type.Optional(Type.String()),
      full: Type.Optional(
        Type.Boolean({ description: 'It takes no further connection (-c), and serves those it has.' }),
      ),
      error: Type.Optional(Type.String()),
    }),
    Type.Null(),
  ]),
  stats: Type.Union([
    Type.Object({
      at: Type.String({ format: 'date-time' }),
      ageMs: Type.Number({ description: 'How old they are, whatever was done to the clock.' }),
      values: Type.Record(Type.String(), StatValue),
    }),
    Type.Null(),
  ]),
});
export type NodeView = Static<typeof NodeView>;

/** `GET /v1/nodes`. */
export const NodeList = Type.Object({
  fleet: Type.String(),
  version: Type.Integer({ description: 'Of the published topology; 0 before the first.' }),
  held: Type.Union([Type.String(), Type.Null()], {
    description: 'Why the topology is not just what the sources say now.',
  }),
  sources: Type.Array(
    Type.Object({
      name: Type.String(),
      up: Type.Boolean({ description: 'The source can be seen, and shows all that it holds.' }),
      error: Type.Union([Type.String(), Type.Null()]),
      missing: Type.Integer({ description: 'Nodes that its last answer lacks and that are kept.' }),
    }),
  ),
  leftOut: Type.Object({
    count: Type.Integer({ description: 'What sources list and the fleet does not have.' }),
    shown: Type.Array(
      Type.Object({
        name: Type.String(),
        reason: Type.String({ description: 'duplicate, place, name, limit, unresolved, network or cut.' }),
        why: Type.String(),
      }),
      { description: 'The first hundred of them.' },
    ),
  }),
  nodes: Type.Array(NodeView),
});
export type NodeList = Static<typeof NodeList>;

/** Query of `POST /v1/fleet/flush`. */
export const FlushQuery = Type.Object({
  pause: Type.Optional(Duration('Between two nodes, 1s unless given')),
});

const NodeOutcomes = Type.Array(
  Type.Object({
    node: Type.String(),
    outcome: Type.Union(
      [Type.Literal('waiting'), Type.Literal('done'), Type.Literal('absent'), Type.Literal('failed')],
      { description: 'absent: there was no such key.' },
    ),
    error: Type.Optional(Type.String()),
  }),
);

/** `/v1/fleet/flush`. */
export const FleetFlushView = Type.Object({
  startedAt: Type.String({ format: 'date-time' }),
  endedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description: 'null while under way.' }),
  pauseMs: Type.Integer(),
  cancelled: Type.Boolean(),
  nodes: NodeOutcomes,
});
export type FleetFlushView = Static<typeof FleetFlushView>;

/** Path of a route about one key. */
export const KeyParams = Type.Object({ key: Type.String({ description: 'The key, percent-encoded as in any path.' }) });

/** `DELETE /v1/keys/KEY`. */
export const KeyDeletion = Type.Object({
  key: Type.String(),
  deleted: Type.Array(Type.String(), { description: 'The nodes that had it.' }),
  nodes: NodeOutcomes,
});

/** Path of a route about one node. */
export const NodeParams = Type.Object({ name: Type.String({ maxLength: 253 }) });

/** `GET /v1/prometheus/targets`: Prometheus http_sd. */
export const Targets = Type.Array(
  Type.Object({ targets: Type.Array(Type.String()), labels: Type.Record(Type.String(), Type.String()) }),
  { description: 'The whole list every time, in the form of Prometheus http_sd.' },
);

function textAnswer(mediaType: string, description: string) {
  return { description, content: { [mediaType]: { schema: Type.String() } } };
}

/** `GET /v1/topology/events`. */
export const EventStream = textAnswer(
  'text/event-stream',
  'Events named topology: id is the version, data the document.',
);

/** `GET /v1/topology/servers.txt`. */
export const ServerList = textAnswer('text/plain', 'host:port of the active nodes, one a line.');

/** `GET /v1/topology/twemproxy.yaml`. */
export const TwemproxyConfig = textAnswer('application/yaml', 'A pool for twemproxy (nutcracker).');

/** `GET /v1/topology/mcrouter.json`. */
export const McrouterConfig = textAnswer('application/json', 'A pool and a route for mcrouter.');

/** `GET /v1/topology/proxy.lua`. */
export const ProxyConfig = textAnswer('text/x-lua', 'A pool and a route for memcached’s own proxy.');

/** `GET /metrics`. */
export const MetricsText = textAnswer('text/plain', 'Text exposition format, version 0.0.4.');

/** 304: what the client has is still the newest. */
export const NotModified = Type.Null({ description: 'No newer version.' });

/** `GET /openapi.json`. */
export const Description = Type.Unknown();

/** `GET /healthz`. */
export const Health = Type.Object({ status: Type.Literal('ok'), uptimeSeconds: Type.Number() });

/** `GET /readyz`. */
export const Readiness = Type.Object({
  status: Type.Literal('ready'),
  version: Type.Integer(),
  held: Type.Union([Type.String(), Type.Null()]),
});
