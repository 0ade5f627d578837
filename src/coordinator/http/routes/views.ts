/** The topology for other software, and how a request chooses between the addresses inside and outside of Docker. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  McrouterConfig,
  NotModified,
  ProxyConfig,
  ServerList,
  ServerListQuery,
  TwemproxyConfig,
  ViewQuery,
} from '../../../api/coordinator.ts';
import { Problem } from '../../../api/problem.ts';
import { FleetError } from '../../../base/errors.ts';
import type { TopologyDocument } from '../../../topology/document.ts';
import type { StreamView } from '../event-streams.ts';
import type { Fleet } from '../../fleet.ts';
import { sendProblem } from '../../../http/problems.ts';
import type { Publication, Publisher } from '../../publisher.ts';
import {
  hostView,
  libmemcachedServers,
  mcrouterConfig,
  networkView,
  proxyConfig,
  serverList,
  twemproxyConfig,
  type ViewSource,
} from '../views.ts';

export interface ViewRoutesOptions {
  readonly publisher: Publisher;
  readonly fleet: Fleet;
}

/** Adds the routes. */
export function addViewRoutes(app: FastifyInstance, { publisher, fleet }: ViewRoutesOptions): void {
  const shared = new WeakMap<Publication, Map<Write, Tagged>>();
  /** As the nodes' own network has it, a view follows from the document alone, and is made once for all its readers. */
  function networkTagged(publication: Publication, write: Write): Tagged {
    const views = shared.get(publication) ?? new Map<Write, Tagged>();
    shared.set(publication, views);
    const view = views.get(write) ?? tagged(write(networkView(publication.document)));
    views.set(write, view);
    return view;
  }
  function give(request: FastifyRequest, reply: FastifyReply, type: string, write: Write): FastifyReply {
    const { current } = publisher;
    if (current === undefined) return sendProblem(reply, 503, NOT_YET);
    const isNetwork = hostAskedFor(request) === undefined;
    const view = isNetwork ? networkTagged(current, write) : tagged(write(viewOf(request, current, fleet)));
    return sendTagged(request, reply, type, view);
  }

  const listSchema = {
    summary: 'host:port of the active nodes, one a line.',
    querystring: ServerListQuery,
    response: { 200: ServerList, 304: NotModified, 400: Problem, 503: Problem },
  };
  app.get('/v1/topology/servers.txt', { schema: listSchema }, (request, reply) => {
    const { format } = request.query as { format?: string };
    return give(request, reply, TEXT, format === 'libmemcached' ? libmemcachedServers : serverList);
  });
  for (const { path, type, write, body, summary } of VIEWS) {
    const response = { 200: body, 304: NotModified, 400: Problem, 503: Problem };
    app.get(path, { schema: { summary, querystring: ViewQuery, response } }, (request, reply) =>
      give(request, reply, type, write),
    );
  }
}

/** What is answered before the first topology. */
export const NOT_YET = 'nothing is published yet: discovery has not been seen';

const TEXT = 'text/plain; charset=utf-8';

const VIEWS = [
  {
    path: '/v1/topology/libmemcached.txt',
    type: TEXT,
    write: libmemcachedServers,
    body: ServerList,
    summary: 'A configuration string for libmemcached.',
  },
  {
    path: '/v1/topology/twemproxy.yaml',
    type: 'application/yaml; charset=utf-8',
    write: twemproxyConfig,
    body: TwemproxyConfig,
    summary: 'A configuration for twemproxy, on the same ring.',
  },
  {
    path: '/v1/topology/mcrouter.json',
    type: 'application/json; charset=utf-8',
    write: mcrouterConfig,
    body: McrouterConfig,
    summary: 'A configuration for mcrouter.',
  },
  {
    path: '/v1/topology/proxy.lua',
    type: 'text/x-lua; charset=utf-8',
    write: proxyConfig,
    body: ProxyConfig,
    summary: 'A configuration for memcached’s own proxy, on the same ring.',
  },
] as const;

/** The topology with the addresses that the request asks for with `view`. */
export function viewOf(request: FastifyRequest, { document }: Publication, fleet: Fleet): ViewSource {
  const hostName = hostAskedFor(request);
  return hostName === undefined ? networkView(document) : outside(document, fleet, hostName);
}

/** The same for a stream: undefined where it asks for the document as it is published. */
export function streamViewOf(request: FastifyRequest, fleet: Fleet): StreamView | undefined {
  const hostName = hostAskedFor(request);
  if (hostName === undefined) return undefined;
  return { key: hostName, json: ({ document }) => JSON.stringify(outside(document, fleet, hostName).document) };
}

function outside(document: TopologyDocument, fleet: Fleet, hostName: string): ViewSource {
  const places = new Map(fleet.nodes().map(({ observed }) => [observed.name, observed.published]));
  return hostView(document, (name) => places.get(name), hostName);
}

function hostAskedFor(request: FastifyRequest): string | undefined {
  const { view } = request.query as { view?: 'host' | 'network' };
  return view === 'host' ? hostNameOf(request) : undefined;
}

/** The host as the reader calls it: where the coordinator's own port is forwarded, the nodes' are too. */
function hostNameOf(request: FastifyRequest): string {
  const name = request.hostname.replace(/^\[(.*)\]$/, '$1');
  // The header is the reader's: what is no name would break the formats that it is written into.
  if (isIP(name) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(name)) return name;
  throw new FleetError('BAD_CONFIG', 'view=host needs a Host header with a name or an address');
}

type Write = (source: ViewSource) => string;

/** An answer with its entity tag, which is of the bytes: published ports are in no version. */
interface Tagged {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** The answer that says `body`. */
export function tagged(body: string): Tagged {
  const bytes = Buffer.from(body);
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
}

/** Answers with a view, or 304 to who has it. */
export function sendTagged(
  request: FastifyRequest,
  reply: FastifyReply,
  type: string,
  { bytes, etag }: Tagged,
): FastifyReply {
  reply.header('etag', etag).header('cache-control', 'no-cache');
  if (matchesTag(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.type(type).send(bytes);
}

/** RFC 9110 §13.1.2: a list of tags, compared without regard to weakness, or `*`. */
export function matchesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}
