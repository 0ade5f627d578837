/**
 * The Docker engine through dockerode; the only file that knows it. Of an engine two requests, both reads: the list of
 * containers and the stream of events; of a Swarm's manager three: services, tasks and machines. So a proxy in front of
 * the socket can refuse everything else.
 */
import type { Readable } from 'node:stream';
import Dockerode from 'dockerode';
import { FleetError } from '../../base/errors.ts';
import type { DockerEngine } from './docker-discovery.ts';
import { askJson, openStream, type EngineModem } from './docker-request.ts';
import type { Container, ContainerEvent, PublishedPort } from './docker-view.ts';
import type { SwarmAttachment, SwarmPort } from './swarm-view.ts';
import type { SwarmEngine } from './swarm.ts';

/** What is used where neither flag nor environment say where the engine is. */
export const DEFAULT_DOCKER_HOST = 'unix:///var/run/docker.sock';

/** A request that takes longer has failed; the event stream has only to begin within it. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Characters of one event, all labels of a container included; a longer one ends the stream. */
const EVENT_LENGTH_MAX = 1024 * 1024;

/** The events that can change what is known of a node; the health checks' execs, for one, are left at the engine. */
const ACTIONS = 'start kill stop die oom destroy pause unpause rename health_status connect disconnect'.split(' ');

/**
 * The engine at `host`: `unix:///path`, `tcp://name:port` or `http(s)://name:port`.
 * @param requestTimeoutMs default {@link REQUEST_TIMEOUT_MS}
 * @throws FleetError BAD_CONFIG: no such form
 */
export function dockerEngine(host: string, requestTimeoutMs = REQUEST_TIMEOUT_MS): DockerEngine {
  const { modem } = new Dockerode(connectionOptions(host)) as { modem: EngineModem };
  return {
    async list(filter, signal) {
      const filters = 'labels' in filter ? { label: [...filter.labels] } : { id: [filter.id] };
      const ends = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]);
      const infos = await guarded(host, ends, askJson(modem, '/containers/json', { all: true, filters }, ends));
      if (!Array.isArray(infos)) throw failed(host, new Error('the list of containers is no list'));
      return (infos as Dockerode.ContainerInfo[]).map(toContainer);
    },
    async events(signal) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), requestTimeoutMs);
      try {
        const filters = { type: ['container', 'network'], event: ACTIONS };
        // The stream must outlive the time-out of its beginning, hence not AbortSignal.timeout.
        const ends = AbortSignal.any([signal, late.signal]);
        const stream = await guarded(host, ends, openStream(modem, '/events', { filters }, ends));
        return readEvents(stream, signal);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/**
 * The Swarm that the engine at `host`, see {@link dockerEngine}, is a manager of.
 * @param requestTimeoutMs default {@link REQUEST_TIMEOUT_MS}
 * @throws FleetError BAD_CONFIG: no such form
 */
export function swarmEngine(host: string, requestTimeoutMs = REQUEST_TIMEOUT_MS): SwarmEngine {
  const { modem } = new Dockerode(connectionOptions(host)) as { modem: EngineModem };
  const ask = async (signal: AbortSignal, path: string, query: object): Promise<RawSwarm[]> => {
    const ends = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]);
    const answer = await guarded(host, ends, askJson(modem, path, query, ends));
    if (!Array.isArray(answer)) throw failed(host, new Error('the answer is no list'));
    return answer as RawSwarm[];
  };
  return {
    async services(labels, signal) {
      const filters = { label: [...labels] };
      const found = await ask(signal, '/services', { filters });
      return found.map(({ ID, Spec }) => ({ id: ID, name: Spec?.Name ?? ID, labels: Spec?.Labels ?? {} }));
    },
    async tasks(serviceIds, signal) {
      const filters = { service: [...serviceIds] };
      const found = await ask(signal, '/tasks', { filters });
      return found.map((task) => ({
        id: task.ID,
        serviceId: task.ServiceID ?? '',
        slot: task.Slot === 0 ? undefined : task.Slot,
        machineId: task.NodeID ?? '',
        state: task.Status?.State ?? '',
        desiredState: task.DesiredState ?? '',
        createdAt: task.CreatedAt ?? '',
        networks: (task.NetworksAttachments ?? []).map(toAttachment),
        ports: (task.Status?.PortStatus?.Ports ?? []).flatMap(toHostPort),
      }));
    },
    async machines(signal) {
      const found = await ask(signal, '/nodes', {});
      return found.map(({ ID, Description, Status }) => ({
        id: ID,
        hostname: Description?.Hostname ?? '',
        address: Status?.Addr ?? '',
      }));
    },
  };
}

/** A service, a task or a machine as the engine describes it, as much of it as is used here. */
interface RawSwarm {
  ID: string;
  Spec?: { Name?: string; Labels?: Record<string, string> };
  ServiceID?: string;
  Slot?: number;
  NodeID?: string;
  Status?: { State?: string; Addr?: string; PortStatus?: { Ports?: RawPort[] } };
  DesiredState?: string;
  CreatedAt?: string;
  NetworksAttachments?: RawAttachment[];
  Description?: { Hostname?: string };
}

interface RawPort {
  Protocol?: string;
  TargetPort?: number;
  PublishedPort?: number;
  PublishMode?: string;
}

function toHostPort({ Protocol, TargetPort = 0, PublishedPort = 0, PublishMode }: RawPort): SwarmPort[] {
  const own = Protocol === 'tcp' && PublishMode === 'host' && PublishedPort > 0;
  return own ? [{ target: TargetPort, published: PublishedPort }] : [];
}

interface RawAttachment {
  Network?: { Spec?: { Name?: string; Ingress?: boolean } };
  Addresses?: string[];
}

function toAttachment({ Network, Addresses }: RawAttachment): SwarmAttachment {
  return { name: Network?.Spec?.Name ?? '', ingress: Network?.Spec?.Ingress === true, addresses: Addresses ?? [] };
}

function connectionOptions(host: string): Dockerode.DockerOptions {
  const socket = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (socket !== undefined) return { socketPath: socket };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  const protocol = /^(tcp|http|https):$/.exec(url?.protocol ?? '')?.[1];
  if (url === undefined || protocol === undefined || url.hostname === '') {
    throw new FleetError(
      'BAD_CONFIG',
      `Docker host: expected unix:///PATH or tcp://HOST:PORT, got ${JSON.stringify(host)}`,
    );
  }
  const secure = protocol === 'https';
  return { protocol: secure ? 'https' : 'http', host: url.hostname, port: Number(url.port || (secure ? 2376 : 2375)) };
}

/** The signal ends the request; where dockerode does not call back then, it decides by itself. */
async function guarded<T>(host: string, signal: AbortSignal, request: Promise<T>): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new Error('no answer in time'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([request, ended]);
  } catch (error) {
    throw failed(host, error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    request.catch(() => {});
  }
}

function failed(host: string, error: unknown): FleetError {
  return new FleetError('DISCOVERY_FAILED', `Docker at ${host}: ${explain(error)}`, error);
}

/** What has gone wrong with a request to the engine, and what an operator can do about it where that is known. */
export function explain(error: unknown): string {
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (code === 'EACCES') {
    return 'permission denied on the socket; put a read-only proxy before it, or run with its group (--group-add)';
  }
  if (code === 'ENOENT') return 'there is no such socket; is it mounted, is DOCKER_HOST right?';
  if (code === 'ECONNREFUSED') return 'connection refused; is the engine, or the proxy before it, running?';
  if (statusCode === 403) return 'forbidden; the proxy must allow GET of what is asked for (docs/discovery.md)';
  // What an engine that is no manager answers goes on with advice for the command line.
  if (statusCode === 503) return (message ?? '').split('. ')[0]?.trim() ?? 'not available';
  return (message ?? String(error)).trim();
}

function toContainer(info: Dockerode.ContainerInfo): Container {
  const networks = Object.entries(info.NetworkSettings?.Networks ?? {});
  const ports = publishedPorts(info);
  return {
    id: info.Id,
    // A container that others are linked to has more names, each with the other's in front.
    name: info.Names?.find((name) => /^\/[^/]+$/.test(name))?.slice(1) ?? '',
    state: info.State,
    status: info.Status ?? '',
    labels: info.Labels ?? {},
    networks: Object.fromEntries(networks.map(([name, network]) => [name, network.IPAddress ?? ''])),
    ...(ports.length > 0 && { ports }),
  };
}

function publishedPorts(info: Dockerode.ContainerInfo): PublishedPort[] {
  return (info.Ports ?? []).flatMap(({ IP, PrivatePort, PublicPort, Type }) =>
    Type === 'tcp' && PublicPort ? [{ privatePort: PrivatePort, publicPort: PublicPort, ip: IP ?? '' }] : [],
  );
}

/** One JSON object per line. A line that is none is no reason to lose the stream: the next list has the truth. */
async function* readEvents(stream: Readable, signal: AbortSignal): AsyncGenerator<ContainerEvent> {
  const stop = (): void => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  // Also between two reads: without this listener an aborted stream would end the process.
  stream.on('error', () => {});
  stream.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > EVENT_LENGTH_MAX) return;
      yield* lines.map(parseEvent).filter((event) => event !== undefined);
    }
  } catch {
    // However a stream ends, it has ended; whether the engine is away shows when it is opened again.
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

function parseEvent(line: string): ContainerEvent | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { Type, Action, Actor } = (raw ?? {}) as {
    Type?: unknown;
    Action?: unknown;
    Actor?: { ID?: unknown; Attributes?: Record<string, string> };
  };
  if (typeof Action !== 'string') return undefined;
  if (Type === 'network') return { id: '', action: Action, signal: undefined };
  if (typeof Actor?.ID !== 'string') return undefined;
  return { id: Actor.ID, action: Action, signal: Actor.Attributes?.['signal'] };
}
