/**
 * What the coordinator believes of the containers: a pure reducer over Docker's lists and events.
 *
 * An event counts at once, before the list that confirms it has been fetched. Docker's lists lag behind its events:
 * one that is asked for after a `die` may still say `running`. So a mark that an event made stays until a list agrees
 * with it, or until it is older than SETTLE_MS and a list that was asked for after it says otherwise. No list shows
 * that a container has been told to stop: `leaving` stays until the container has ended or LEAVING_MAX_MS have passed.
 *
 * `die` and `destroy` are facts; that a list lacks a container that ran is none, until DOCKER_ABSENT_LOOKS lists have.
 */
import { sidecarUrl, type LeftOut, type NodeHint, type ObservedNode } from './adapter.ts';
import { nodeNameOf, PROJECT_LABEL } from './compose-names.ts';
import { CACHE_ROLE, labelledNode, NETWORK_LABEL, ROLE_LABEL, type LabelledNode, type Labels } from './labels.ts';
import { DOCKER_ABSENT_LOOKS, LEAVING_MAX_MS, SETTLE_MS } from '../limits.ts';

/** Containers that `docker compose run` made are not part of the fleet. */
const ONE_OFF_LABEL = 'com.docker.compose.oneoff';

/** One container of Docker's list, as much of it as is used here. */
export interface Container {
  readonly id: string;
  /** Without the slash in front. */
  readonly name: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly state: string;
  /** Docker's words for it, where the health check's result stands: `Up 3 seconds (healthy)`. */
  readonly status: string;
  readonly labels: Labels;
  /** Network's name → IPv4 address, empty if the container is not running. */
  readonly networks: Readonly<Record<string, string>>;
  /** TCP ports that are published to the host, if there are any. */
  readonly ports?: readonly PublishedPort[];
}

/** A port of a container that the host forwards. */
export interface PublishedPort {
  readonly privatePort: number;
  readonly publicPort: number;
  /** The host's address that it is bound to; `0.0.0.0` for all. */
  readonly ip: string;
}

/** One event of Docker's stream, as much of it as is used here. */
export interface ContainerEvent {
  /** The container's id. */
  readonly id: string;
  /** `start`, `kill`, `die`, `oom`, `pause`, `unpause`, `destroy`, `health_status: healthy`, … */
  readonly action: string;
  /** Of a `kill` event. */
  readonly signal: string | undefined;
}

interface Mark {
  readonly hint: NodeHint | 'gone';
  readonly sequence: number;
  readonly sinceMs: number;
}

export interface DockerView {
  /** Those of the last list, then those that it lacks and that are kept. */
  readonly containers: readonly Container[];
  /** By id, in how many lists in a row a container that is kept was missing. */
  readonly missing: ReadonlyMap<string, number>;
  /** By container id: what events have said that no list has confirmed yet. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** Counts events. */
  readonly sequence: number;
}

export const EMPTY_VIEW: DockerView = { containers: [], missing: new Map(), marks: new Map(), sequence: 0 };

/** SIGINT, SIGQUIT, SIGTERM: what asks a process to end. Others, such as SIGHUP, do not take a node out. */
const ENDING_SIGNALS = new Set(['2', '3', '15']);
const SIGKILL = '9';

/** What an event says of its container; undefined if only the list can tell. */
function eventHint(event: ContainerEvent): Mark['hint'] | undefined {
  switch (event.action) {
    case 'kill':
      if (event.signal === SIGKILL) return 'stopped';
      return event.signal !== undefined && ENDING_SIGNALS.has(event.signal) ? 'leaving' : undefined;
    case 'stop':
    case 'die':
      return 'stopped';
    case 'destroy':
      return 'gone';
    case 'pause':
      return 'paused';
    case 'start':
    case 'unpause':
    case 'health_status: healthy':
      return 'running';
    case 'health_status: unhealthy':
      return 'unhealthy';
    case 'oom':
      // Of some process in it; whether that was the daemon shows with the next probe.
      return 'unhealthy';
    default:
      return undefined;
  }
}

function isEnding(mark: Mark | undefined): boolean {
  return mark?.hint === 'leaving' || mark?.hint === 'stopped' || mark?.hint === 'gone';
}

/** The view after an event. */
export function withEvent(view: DockerView, event: ContainerEvent, nowMs: number): DockerView {
  const sequence = view.sequence + 1;
  const hint = eventHint(event);
  const before = view.marks.get(event.id);
  // A health check that passes does not mean that a container stays after all, nor does one that fails; and the end of a
  // process for want of memory may be told after the end of its container.
  const saysLess = event.action === 'oom' || event.action.startsWith('health_status');
  if (hint === undefined || (saysLess && isEnding(before))) return { ...view, sequence };
  const marks = new Map(view.marks).set(event.id, { hint, sequence, sinceMs: nowMs });
  return { ...view, marks, sequence };
}

/**
 * The view after a list has come.
 * @param askedAt the view's `sequence` when the list was asked for
 */
export function withList(
  view: DockerView,
  containers: readonly Container[],
  askedAt: number,
  nowMs: number,
): DockerView {
  const { kept, missing } = keptThoughMissing(view, containers);
  const byId = new Map(containers.map((container) => [container.id, container]));
  const marks = new Map(
    [...view.marks].filter(([id, mark]) => {
      const container = byId.get(id);
      const ageMs = nowMs - mark.sinceMs;
      if (mark.sequence > askedAt || (ageMs < SETTLE_MS && !agrees(mark, container))) return true;
      return mark.hint === 'leaving' && container?.state === 'running' && ageMs < LEAVING_MAX_MS;
    }),
  );
  return { ...view, containers: [...containers, ...kept], missing, marks };
}

/** Containers that ran and that a list lacks, though nothing has said that they ended. */
function keptThoughMissing(
  view: DockerView,
  listed: readonly Container[],
): { kept: Container[]; missing: Map<string, number> } {
  const ids = new Set(listed.map(({ id }) => id));
  // A name, and in a network an address, is of one container at a time.
  const names = new Set(listed.map(nodeNameOf));
  const addresses = new Set(listed.flatMap(({ networks }) => Object.entries(networks).map(String)));
  const missing = new Map<string, number>();
  const kept = view.containers.filter((container) => {
    const { id, networks } = container;
    const hint = view.marks.get(id)?.hint ?? listedHint(container);
    const lists = (view.missing.get(id) ?? 0) + 1;
    const ended = hint === 'gone' || hint === 'stopped' || hint === 'leaving';
    const replaced =
      names.has(nodeNameOf(container)) || Object.entries(networks).some((at) => addresses.has(String(at)));
    if (ids.has(id) || ended || replaced || lists >= DOCKER_ABSENT_LOOKS) return false;
    missing.set(id, lists);
    return true;
  });
  return { kept, missing };
}

/** True while lists and events do not say the same: the list should be asked for again soon. */
export function isUnsettled(view: DockerView): boolean {
  return view.missing.size > 0 || [...view.marks.values()].some((mark) => mark.hint !== 'leaving');
}

/** A container that has just started is listed for a moment without an address; that is not yet what was meant. */
function agrees(mark: Mark, container: Container | undefined): boolean {
  if (container === undefined) return mark.hint === 'gone';
  const addressed = Object.values(container.networks).some((ip) => ip !== '');
  return listedHint(container) === mark.hint && (mark.hint !== 'running' || addressed);
}

/** Which containers belong to the fleet and how they are reached. */
export interface DockerScope {
  /** Only this compose project; undefined for all. */
  readonly project: string | undefined;
  /** Networks that the coordinator is in itself; nodes are reached there if they are in one of them. */
  readonly networks: readonly string[];
  /** The sidecars' port where a container's labels do not say it. */
  readonly sidecarPort: number;
}

/** What the view amounts to. */
export interface DockerNodes {
  readonly nodes: readonly ObservedNode[];
  readonly leftOut: readonly LeftOut[];
}

/** The nodes that the view amounts to. */
export function observedNodes(view: DockerView, scope: DockerScope): DockerNodes {
  const nodes = new Map<string, ObservedNode>();
  const leftOut: LeftOut[] = [];
  for (const container of view.containers) {
    const hint = view.marks.get(container.id)?.hint ?? listedHint(container);
    if (hint === 'gone' || !isCache(container, scope)) continue;
    const node = nodeOf(container, view.missing.has(container.id) && hint !== 'stopped' ? 'unlisted' : hint, scope);
    const other = nodes.get(node.name);
    // While compose makes a container anew there are two of one name: the old one, and one that is not started yet.
    if (other === undefined || (other.hint === 'stopped' && node.hint !== 'stopped')) nodes.set(node.name, node);
    const wanted = container.labels[NETWORK_LABEL];
    if (wanted !== undefined && container.state === 'running' && wantedNetwork(container, wanted) === undefined) {
      leftOut.push({ name: node.name, reason: 'network', why: `it is not in ${wanted} (${NETWORK_LABEL})` });
    }
  }
  return { nodes: [...nodes.values()], leftOut };
}

function isCache({ name, labels }: Container, { project }: DockerScope): boolean {
  const ours = project === undefined || labels[PROJECT_LABEL] === project;
  return ours && labels[ROLE_LABEL] === CACHE_ROLE && labels[ONE_OFF_LABEL]?.toLowerCase() !== 'true' && name !== '';
}

function nodeOf(container: Container, hint: NodeHint, scope: DockerScope): ObservedNode {
  const name = nodeNameOf(container);
  const ip = address(container, scope);
  const labelled = labelledNode(container.labels, scope.sidecarPort);
  return {
    name,
    host: name,
    ip,
    port: labelled.port,
    weight: labelled.weight,
    sidecar: sidecarUrl(ip, labelled.sidecarPort),
    // A running container without an address was taken off its network: nobody can reach it.
    hint: ip === '' && hint !== 'leaving' ? 'stopped' : hint,
    instance: container.id,
    ...publishedPlace(container, labelled),
  };
}

/** Where the node is reached through the host, if its daemon's port is published. */
function publishedPlace(
  { ports = [] }: Container,
  { port, sidecarPort }: LabelledNode,
): Pick<ObservedNode, 'published'> {
  // Docker publishes for IPv4 and IPv6 with two entries; discovery needs the former.
  const entryOf = (wanted: number): PublishedPort | undefined => {
    const entries = ports.filter(({ privatePort }) => privatePort === wanted);
    return entries.find(({ ip }) => !ip.includes(':')) ?? entries[0];
  };
  const daemon = entryOf(port);
  const sidecar = entryOf(sidecarPort);
  if (daemon === undefined) return {};
  const ip = daemon.ip === '0.0.0.0' || daemon.ip === '::' ? '' : daemon.ip;
  const place = { ip, port: daemon.publicPort };
  return { published: sidecar === undefined ? place : { ...place, sidecarPort: sidecar.publicPort } };
}

function listedHint({ state, status }: Container): NodeHint | 'gone' {
  switch (state) {
    case 'running':
      return status.includes('(unhealthy)') ? 'unhealthy' : 'running';
    case 'paused':
      return 'paused';
    case 'removing':
      return 'gone';
    default:
      return 'stopped';
  }
}

/**
 * In the network that its label names, and in no other; without a label in the coordinator's own networks first, then in
 * the first by name, so that the choice does not change by chance.
 */
function address(container: Container, scope: DockerScope): string {
  const wanted = container.labels[NETWORK_LABEL];
  if (wanted !== undefined) return container.networks[wantedNetwork(container, wanted) ?? ''] ?? '';
  const shared = scope.networks.find((network) => (container.networks[network] ?? '') !== '');
  if (shared !== undefined) return container.networks[shared] ?? '';
  const first = Object.keys(container.networks)
    .sort()
    .find((network) => container.networks[network] !== '');
  return first === undefined ? '' : (container.networks[first] ?? '');
}

/** The network that a label means: Compose puts the project before the names that stand in its file. */
function wantedNetwork({ labels, networks }: Container, wanted: string): string | undefined {
  return [wanted, `${labels[PROJECT_LABEL]}_${wanted}`].find((name) => networks[name] !== undefined);
}
