/**
 * What a Swarm's services and tasks say of the nodes. Pure.
 *
 * A task is an attempt to fill a slot and never comes back; the slot does. So a slot is a node, named `SERVICE-SLOT`, or
 * `SERVICE-HOSTNAME` where a service has one task on each machine, and the task in it that lives is where to connect to.
 */
import { compareNames } from '../../topology/document.ts';
import { sidecarUrl, type NodeHint, type ObservedNode } from './adapter.ts';
import { labelledNode, NETWORK_LABEL, type LabelledNode, type Labels } from './labels.ts';

/** One service, as much of it as is used here. */
export interface SwarmService {
  readonly id: string;
  readonly name: string;
  /** Of the service (`deploy.labels` in a stack file), not of its containers. */
  readonly labels: Labels;
}

/** One task, as much of it as is used here. */
export interface SwarmTask {
  readonly id: string;
  readonly serviceId: string;
  /** 1, 2, …; undefined where the service has one task on each machine. */
  readonly slot: number | undefined;
  /** The machine; empty before one was chosen. */
  readonly machineId: string;
  /** Where the task is on its way from `new` to `running` and on to its end. */
  readonly state: string;
  /** Where it ought to be. */
  readonly desiredState: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly networks: readonly SwarmAttachment[];
  /** TCP ports that its machine forwards to this task alone (`mode: host`). */
  readonly ports: readonly SwarmPort[];
}

/** A port of a task that its machine forwards. */
export interface SwarmPort {
  readonly target: number;
  readonly published: number;
}

/** A network that a task is in. */
export interface SwarmAttachment {
  readonly name: string;
  /** The routing mesh's own network, in which nobody should connect to a task. */
  readonly ingress: boolean;
  /** With the length of the prefix: `10.0.1.5/24`. None in the machine's own network. */
  readonly addresses: readonly string[];
}

/** One machine, as much of it as is used here. */
export interface SwarmMachine {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
}

/** All that was asked for. */
export interface SwarmState {
  readonly services: readonly SwarmService[];
  readonly tasks: readonly SwarmTask[];
  /** May be empty if {@link needsMachines} says that they are not needed. */
  readonly machines: readonly SwarmMachine[];
}

/** The name of the machine's own network. */
const HOST_NETWORK = 'host';

/** What a task can be wanted to be; everything else is an end. */
const WANTED_STATES = new Set(['running', 'ready', 'accepted']);

/** True if the nodes cannot be told without the machines: for their names, or for where they are on the machines. */
export function needsMachines(tasks: readonly SwarmTask[]): boolean {
  return tasks.some(
    ({ slot, networks, ports }) =>
      slot === undefined || ports.length > 0 || networks.some(({ name }) => name === HOST_NETWORK),
  );
}

/**
 * The nodes, sorted by name.
 * @param sidecarPort the sidecars' port if a service's labels do not say it
 */
export function nodesOfSwarm(state: SwarmState, sidecarPort: number): ObservedNode[] {
  const nodes = state.services.flatMap((service) =>
    [...tasksBySlot(service, state)].flatMap(([name, tasks]) => nodeOf(name, tasks, service, state, sidecarPort)),
  );
  return nodes.sort(compareNames);
}

function tasksBySlot(service: SwarmService, { tasks, machines }: SwarmState): Map<string, SwarmTask[]> {
  const slots = new Map<string, SwarmTask[]>();
  for (const task of tasks) {
    if (task.serviceId !== service.id) continue;
    const name = `${service.name}-${task.slot ?? machineName(task.machineId, machines)}`;
    slots.set(name, [...(slots.get(name) ?? []), task]);
  }
  return slots;
}

/** The host name, or the id where two machines share one. */
function machineName(id: string, machines: readonly SwarmMachine[]): string {
  const hostname = machines.find((machine) => machine.id === id)?.hostname ?? '';
  const unique = machines.filter((machine) => machine.hostname === hostname).length === 1;
  return hostname !== '' && unique ? hostname : id;
}

interface Candidate {
  readonly task: SwarmTask;
  readonly hint: NodeHint;
  /** The highest is the node. */
  readonly rank: number;
}

/** Of a slot's tasks the one that lives; while one makes way for another, the one that stays. */
function candidate(task: SwarmTask): Candidate | undefined {
  const wanted = WANTED_STATES.has(task.desiredState);
  if (task.state === 'running') return { task, hint: wanted ? 'running' : 'leaving', rank: wanted ? 3 : 1 };
  // Has a process already, but Swarm has not seen its health check succeed.
  if (task.state === 'starting' && wanted) return { task, hint: 'running', rank: 2 };
  return wanted ? { task, hint: 'stopped', rank: 0 } : undefined;
}

function nodeOf(
  name: string,
  tasks: readonly SwarmTask[],
  service: SwarmService,
  state: SwarmState,
  sidecarPort: number,
): ObservedNode[] {
  const [best] = tasks
    .map(candidate)
    .filter((found) => found !== undefined)
    .sort((a, b) => b.rank - a.rank || (a.task.createdAt < b.task.createdAt ? 1 : -1));
  // A slot in which nothing lives and nothing is wanted was scaled away.
  if (best === undefined) return [];
  const { labels } = service;
  const ip = best.hint === 'stopped' ? '' : addressOf(best.task, labels[NETWORK_LABEL], state.machines);
  const labelled = labelledNode(labels, sidecarPort);
  return [
    {
      name,
      host: name,
      ip,
      port: labelled.port,
      weight: labelled.weight,
      sidecar: sidecarUrl(ip, labelled.sidecarPort),
      hint: ip === '' && best.hint !== 'leaving' ? 'stopped' : best.hint,
      instance: best.task.id,
      ...publishedPlace(best.task, labelled, state.machines),
    },
  ];
}

/** Where the node is reached from outside of the Swarm, if its machine forwards the daemon's port to it. */
function publishedPlace(
  { ports, machineId }: SwarmTask,
  { port, sidecarPort }: LabelledNode,
  machines: readonly SwarmMachine[],
): Pick<ObservedNode, 'published'> {
  const publishedOf = (wanted: number): number | undefined => ports.find(({ target }) => target === wanted)?.published;
  const daemon = publishedOf(port);
  const sidecar = publishedOf(sidecarPort);
  if (daemon === undefined) return {};
  const place = { ip: machines.find(({ id }) => id === machineId)?.address ?? '', port: daemon };
  return { published: sidecar === undefined ? place : { ...place, sidecarPort: sidecar } };
}

/** In the network that the service names, or the first by name, so that the choice does not change by chance. */
function addressOf(
  { networks, machineId }: SwarmTask,
  wanted: string | undefined,
  machines: readonly SwarmMachine[],
): string {
  const usable = networks
    .filter(({ ingress, name }) => !ingress && (wanted === undefined || name === wanted))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const address = usable.find(({ addresses }) => addresses.length > 0)?.addresses[0];
  if (address !== undefined) return address.replace(/\/\d+$/, '');
  const onHost = usable.some(({ name }) => name === HOST_NETWORK);
  return onHost ? (machines.find(({ id }) => id === machineId)?.address ?? '') : '';
}
