/** Containers as Docker lists them, and an engine without Docker. */
import { FleetError } from '../../../src/base/errors.ts';
import type { ContainerFilter, DockerEngine } from '../../../src/coordinator/discovery/docker-discovery.ts';
import type { Container, ContainerEvent } from '../../../src/coordinator/discovery/docker-view.ts';
import { eventQueue } from '../../support/event-queue.ts';

/** A running cache container of project `p`; `a` and `1` are at 10.0.0.1 unless told otherwise, `b` and `2` at 10.0.0.2. */
export function containerOf(id: string, given: Partial<Container> = {}): Container {
  const number = /\d+$/.exec(id)?.[0] ?? id.charCodeAt(0) - 'a'.charCodeAt(0) + 1;
  return {
    id,
    name: `p-cache-${id}`,
    state: 'running',
    status: 'Up',
    networks: { net: `10.0.0.${number}` },
    ...given,
    labels: { 'memfleet.role': 'cache', 'com.docker.compose.project': 'p', ...given.labels },
  };
}

/** An engine that the test is. */
export class FakeEngine implements DockerEngine {
  containers: Container[] = [];
  /** While set, both questions fail with it. */
  failure: string | undefined;
  lists = 0;
  streams = 0;
  #push: ((event: ContainerEvent | undefined) => void) | undefined;

  async list(filter: ContainerFilter, _signal: AbortSignal): Promise<Container[]> {
    this.lists += 1;
    if (this.failure !== undefined) throw new FleetError('DISCOVERY_FAILED', this.failure);
    if ('id' in filter) return this.containers.filter(({ id }) => id.startsWith(filter.id));
    const wanted = filter.labels.map((label) => label.split('='));
    return this.containers.filter(({ labels }) => wanted.every(([name = '', value]) => labels[name] === value));
  }

  async events(signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    if (this.failure !== undefined) throw new FleetError('DISCOVERY_FAILED', this.failure);
    this.streams += 1;
    const queue = eventQueue<ContainerEvent>(signal);
    this.#push = queue.push;
    return queue.stream;
  }

  /** Sends an event; the list is what the test makes it. */
  say(id: string, action: string, signal?: string): void {
    this.#push?.({ id, action, signal });
  }

  /** Ends the event stream, as a proxy's time-out does. */
  hangUp(): void {
    this.#push?.(undefined);
  }
}
