/**
 * An API server of Kubernetes as far as EndpointSlices of one namespace go, over real HTTP: signing in with a token,
 * lists and watches with resource versions, label selectors, bookmarks, an end after `timeoutSeconds`, and a memory
 * that can be cut short, so that a watch from too old a version is told 410 Gone in either of the two ways.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { EndpointSlice } from '../../src/coordinator/discovery/kubernetes-view.ts';

/** A slice with the labels that the server selects by. */
export type StoredSlice = EndpointSlice & {
  metadata: { name: string; namespace?: string; resourceVersion?: string; labels?: Record<string, string> };
};

interface Change {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  slice: StoredSlice;
}

interface Watcher {
  response: ServerResponse;
  selector: string;
}

/** The token that signs in, and the namespace that it may look into. */
export const TOKEN = 'fleet-token';
export const NAMESPACE = 'shop';

/** Where to listen; without key and certificate, plain HTTP. */
export interface KubernetesApiOptions {
  host?: string;
  key?: string;
  cert?: string;
}

export class KubernetesApi {
  readonly #server: Server;
  readonly #slices = new Map<string, StoredSlice>();
  readonly #watchers = new Set<Watcher>();
  #history: Change[] = [];
  #version = 1_000;
  #forgottenUpTo = 0;
  /** While set, every request is answered with this status. */
  failure: number | undefined;
  /** How a watch from a forgotten version is told so: as an event, or as the answer's status. */
  goneAs: 'event' | 'status' = 'event';
  /** While true, requests are taken and not answered. */
  silent = false;
  /** Events are sent in pieces of so many bytes. */
  pieceBytes = Number.POSITIVE_INFINITY;
  /** Every request as `METHOD path?query`. */
  readonly requests: string[] = [];

  constructor({ key, cert }: KubernetesApiOptions = {}) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response);
    this.#server =
      key === undefined || cert === undefined ? createServer(answer) : createTlsServer({ key, cert }, answer);
  }

  static async start(options: KubernetesApiOptions = {}): Promise<KubernetesApi> {
    const api = new KubernetesApi(options);
    api.#server.listen(0, options.host ?? '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where plain HTTP is spoken. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A kubeconfig file for this server, signed in unless another token is given. The client refuses HTTP otherwise. */
  kubeconfig(token = TOKEN): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: NAMESPACE } }],
    });
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Requests so far that were lists, and that were watches. */
  get counts(): { lists: number; watches: number } {
    const watches = this.requests.filter((request) => request.includes('watch=true')).length;
    return { lists: this.requests.length - watches, watches };
  }

  /** Makes or replaces a slice. */
  put(slice: StoredSlice): void {
    const { name } = slice.metadata;
    const type = this.#slices.has(name) ? 'MODIFIED' : 'ADDED';
    this.#happen(type, slice);
  }

  remove(name: string): void {
    const slice = this.#slices.get(name);
    if (slice !== undefined) this.#happen('DELETED', slice);
  }

  /** Something else in the cluster changes: the version rises, and no watch of ours hears of it. */
  elsewhere(changes = 1): void {
    this.#version += changes;
  }

  /** Tells every watch how far the server is. */
  bookmark(): void {
    const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1' };
    const metadata = { resourceVersion: String(this.#version), creationTimestamp: null };
    for (const watcher of this.#watchers) this.#send(watcher.response, 'BOOKMARK', { ...object, metadata });
  }

  /** Forgets the past: a watch from a version before now is Gone. */
  compact(): void {
    this.#history = [];
    this.#forgottenUpTo = this.#version;
  }

  /** Ends every watch as a server does that goes away: in the middle of the answer. */
  cut(): void {
    for (const { response } of this.#watchers) response.destroy();
    this.#watchers.clear();
  }

  /** Ends every watch as a server does whose time is up. */
  finish(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #happen(type: Change['type'], slice: StoredSlice): void {
    this.#version += 1;
    const metadata = { ...slice.metadata, namespace: NAMESPACE, resourceVersion: String(this.#version) };
    const stored = { ...slice, metadata };
    if (type === 'DELETED') this.#slices.delete(metadata.name);
    else this.#slices.set(metadata.name, stored);
    const change: Change = { version: this.#version, type, slice: stored };
    this.#history.push(change);
    for (const watcher of this.#watchers) this.#tell(watcher, change);
  }

  #tell({ response, selector }: Watcher, { type, slice }: Change): void {
    if (selects(selector, slice)) this.#send(response, type, slice);
  }

  #send(response: ServerResponse, type: string, object: unknown): void {
    const line = Buffer.from(`${JSON.stringify({ type, object })}\n`);
    const step = Math.min(this.pieceBytes, line.length);
    for (let start = 0; start < line.length; start += step) response.write(line.subarray(start, start + step));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push(`${request.method} ${request.url}`);
    if (this.silent) return;
    if (this.failure !== undefined) return refuse(response, this.failure, 'failing');
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(response, 401, 'Unauthorized');
    const allowed = `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`;
    if (request.method !== 'GET' || url.pathname !== allowed) return refuse(response, 403, 'Forbidden');
    if (url.searchParams.get('watch') === 'true') this.#watch(url, response);
    else this.#list(url, response);
  }

  #list(url: URL, response: ServerResponse): void {
    const selector = url.searchParams.get('labelSelector') ?? '';
    const items = [...this.#slices.values()].filter((slice) => selects(selector, slice));
    const metadata = { resourceVersion: String(this.#version) };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items }));
  }

  #watch(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'));
    const gone = from < this.#forgottenUpTo;
    if (gone && this.goneAs === 'status') return refuse(response, 410, 'Expired');
    response.setHeader('content-type', 'application/json');
    response.flushHeaders();
    if (gone) {
      this.#send(response, 'ERROR', status(410, 'Expired'));
      response.end();
      return;
    }
    const watcher: Watcher = { response, selector: url.searchParams.get('labelSelector') ?? '' };
    for (const change of this.#history) if (change.version > from) this.#tell(watcher, change);
    this.#watchers.add(watcher);
    const timer = setTimeout(
      () => {
        this.#watchers.delete(watcher);
        response.end();
      },
      Number(url.searchParams.get('timeoutSeconds') ?? 1800) * 1000,
    );
    response.on('close', () => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
  }
}

function selects(selector: string, slice: StoredSlice): boolean {
  const [label = '', value] = selector.split('=');
  return selector === '' || slice.metadata.labels?.[label] === value;
}

function status(code: number, reason: string): Record<string, unknown> {
  const message = reason === 'Expired' ? 'too old resource version' : reason;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(status(code, reason)));
}

/** A slice of service `cache` with one ready pod `cache-N` for each number. */
export function sliceOf(name: string, numbers: readonly number[], given: Partial<StoredSlice> = {}): StoredSlice {
  return {
    metadata: { name, labels: { 'kubernetes.io/service-name': 'cache' } },
    addressType: 'IPv4',
    endpoints: numbers.map((number) => ({
      addresses: [`10.0.0.${number}`],
      conditions: { ready: true, serving: true, terminating: false },
      hostname: `cache-${number}`,
      targetRef: { kind: 'Pod', name: `cache-${number}`, uid: `uid-${number}` },
    })),
    ports: [
      { name: 'memcache', port: 11211, protocol: 'TCP' },
      { name: 'metrics', port: 9150, protocol: 'TCP' },
    ],
    ...given,
  };
}
