/**
 * Kubernetes' API server through its official client; the only file that knows it. Two requests, both reads of
 * EndpointSlices in one namespace: a list and a watch. Where the server is and how to sign in comes from a kubeconfig
 * file or, in a pod, from its service account, whose token the client reads anew as it is replaced.
 */
import { ApiException, DiscoveryV1Api, KubeConfig, Watch, type RequestContext } from '@kubernetes/client-node';
import { FleetError } from '../../base/errors.ts';
import type { EndpointSlice, KubernetesService } from './kubernetes-view.ts';
import type { SliceApi, SliceEvent } from './kubernetes.ts';
import { KUBERNETES_ANSWER_BYTES_MAX, KUBERNETES_EVENTS_MAX, KUBERNETES_REQUEST_TIMEOUT_MS } from '../limits.ts';

/** The label by which slices know their service. */
const SERVICE_LABEL = 'kubernetes.io/service-name';

export interface KubernetesTarget {
  readonly service: string;
  /** Default: the pod's own, or the one that the kubeconfig file names, or `default`. */
  readonly namespace: string | undefined;
  /** A kubeconfig file. Default: the pod's service account, or `~/.kube/config`. */
  readonly kubeconfig: string | undefined;
  /** Default {@link KUBERNETES_REQUEST_TIMEOUT_MS}. */
  readonly requestTimeoutMs?: number;
}

/**
 * The slices of a service.
 * @throws FleetError BAD_CONFIG: a kubeconfig file that cannot be used
 */
export function kubernetesSlices(target: KubernetesTarget): SliceApi {
  const { kubeconfig, requestTimeoutMs = KUBERNETES_REQUEST_TIMEOUT_MS } = target;
  const config = loadConfig(kubeconfig);
  const server = config.getCurrentCluster()?.server ?? '';
  const namespace = target.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const service: KubernetesService = { namespace, service: target.service };
  const labelSelector = `${SERVICE_LABEL}=${target.service}`;
  const slices = config.makeApiClient(DiscoveryV1Api);
  const watcher = new Watch(config);
  return {
    service,
    async list(signal) {
      const request = slices.listNamespacedEndpointSlice({ namespace, labelSelector });
      const { items, metadata } = await inTime(server, request, requestTimeoutMs, signal);
      return { slices: items, version: metadata?.resourceVersion ?? '' };
    },
    async watch(version, durationMs, signal) {
      const events = new EventQueue(server, signal);
      const query = {
        labelSelector,
        resourceVersion: version,
        allowWatchBookmarks: true,
        timeoutSeconds: Math.ceil(durationMs / 1000),
      };
      const path = `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`;
      const request = watcher.watch(path, query, events.take, events.end);
      const stop = (): void => void request.then((controller) => controller.abort()).catch(() => {});
      signal.addEventListener('abort', stop, { once: true });
      await inTime(server, request, requestTimeoutMs, signal).catch((error: unknown) => {
        stop();
        throw error;
      });
      return events.drain(stop);
    },
  };
}

function loadConfig(path: string | undefined): KubeConfig {
  const config = new BoundedKubeConfig();
  try {
    if (path === undefined) config.loadFromDefault();
    else config.loadFromFile(path);
    if (config.getCurrentCluster() === null) throw new Error('it names no current cluster');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FleetError('BAD_CONFIG', `kubeconfig ${path ?? 'of the default place'}: ${why}`, error);
  }
  return config;
}

/** As the client's own, but each answer is taken up to a bound, and none that is encoded. */
class BoundedKubeConfig extends KubeConfig {
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    context.setHeaderParam('Accept-Encoding', 'identity');
    const dispatcher = context.getDispatcher();
    if (dispatcher !== undefined) context.setDispatcher(dispatcher.compose(bounded));
  }

  /** A cluster whose certificate everybody knows has no dispatcher of its own; then nothing could be bounded. */
  override createDispatcherOptions(
    ...given: Parameters<KubeConfig['createDispatcherOptions']>
  ): ReturnType<KubeConfig['createDispatcherOptions']> {
    const options = super.createDispatcherOptions(...given);
    return options.type === 'none' ? { type: 'agent', connect: { keepAlive: true } } : options;
  }
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;
type Dispatch = Dispatcher['dispatch'];

/** Ends a request whose answer exceeds {@link KUBERNETES_ANSWER_BYTES_MAX}, or has an encoding that nobody asked for. */
function bounded(dispatch: Dispatch): Dispatch {
  return (options, handler) => {
    let bytes = 0;
    return dispatch(options, {
      onRequestStart: (...given) => handler.onRequestStart?.(...given),
      onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
      onResponseStart(controller, statusCode, headers, statusMessage) {
        const encoding = headers['content-encoding'] ?? 'identity';
        if (encoding !== 'identity') controller.abort(new Error('the answer is encoded, unasked'));
        else handler.onResponseStart?.(controller, statusCode, headers, statusMessage);
      },
      onResponseData(controller, chunk) {
        bytes += chunk.length;
        if (bytes > KUBERNETES_ANSWER_BYTES_MAX) {
          controller.abort(new Error(`the answer exceeds ${KUBERNETES_ANSWER_BYTES_MAX} bytes`));
        } else {
          handler.onResponseData?.(controller, chunk);
        }
      },
      onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
      onResponseError: (...given) => handler.onResponseError?.(...given),
    });
  };
}

/** The client's requests take as long as they take, and its errors are pages long. */
async function inTime<T>(server: string, request: Promise<T>, timeoutMs: number, closing: AbortSignal): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer in time')), timeoutMs);
  const onAbort = (): void => reject(new Error('closed'));
  closing.addEventListener('abort', onAbort, { once: true });
  if (closing.aborted) onAbort();
  try {
    return await Promise.race([request, ended]);
  } catch (error) {
    throw failed(server, error);
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', onAbort);
    request.catch(() => {});
  }
}

function failed(server: string, error: unknown): FleetError {
  return new FleetError('DISCOVERY_FAILED', `Kubernetes at ${server}: ${explain(error)}`, error);
}

function explain(error: unknown): string {
  const { code, statusCode, cause, message } = error as {
    code?: unknown;
    statusCode?: number;
    cause?: { message?: string };
    message?: string;
  };
  const status = error instanceof ApiException ? error.code : (statusCode ?? code);
  if (status === 401) return 'not signed in (401); is the token the right one?';
  if (status === 403) return 'forbidden (403); may the service account list and watch EndpointSlices?';
  if (typeof status === 'number') return `the API server answered ${status}`;
  return (cause?.message ?? message ?? String(error)).split('\n')[0] ?? '';
}

/** What the client's callbacks say, in order, as something to iterate over. */
class EventQueue {
  readonly #server: string;
  readonly #signal: AbortSignal;
  #events: SliceEvent[] = [];
  #ended = false;
  #error: FleetError | undefined;
  #wake = (): void => {};

  constructor(server: string, signal: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.end(undefined), { once: true });
  }

  readonly take = (phase: string, object: unknown): void => {
    const event = toEvent(phase, object);
    if (event !== undefined) this.#events.push(event);
    else if (phase === 'ERROR') this.end(new Error((object as { message?: string }).message ?? 'a watch has failed'));
    if (this.#events.length > KUBERNETES_EVENTS_MAX) this.end(new Error('more events than can be taken'));
    this.#wake();
  };

  readonly end = (error: unknown): void => {
    if (this.#ended) return;
    this.#ended = true;
    const gone = (error as { statusCode?: number } | null | undefined)?.statusCode === 410;
    if (gone) this.#events.push({ type: 'gone' });
    else if (error !== null && error !== undefined && !this.#signal.aborted) this.#error = failed(this.#server, error);
    this.#wake();
  };

  async *drain(stop: () => void): AsyncGenerator<SliceEvent> {
    try {
      for (;;) {
        const events = this.#events;
        this.#events = [];
        yield* events;
        if (this.#events.length > 0) continue;
        if (this.#error !== undefined) throw this.#error;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#signal.removeEventListener('abort', stop);
      stop();
    }
  }
}

/** An event that can be used; undefined for an error that is not "gone", and for what is not known. */
function toEvent(phase: string, object: unknown): SliceEvent | undefined {
  switch (phase) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'changed', slice: object as EndpointSlice };
    case 'DELETED':
      return { type: 'deleted', slice: object as EndpointSlice };
    case 'BOOKMARK':
      return { type: 'bookmark', slice: object as EndpointSlice };
    case 'ERROR':
      return (object as { code?: number }).code === 410 ? { type: 'gone' } : undefined;
    default:
      return undefined;
  }
}
