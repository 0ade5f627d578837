/** Services, tasks and machines as a Swarm's manager lists them, and a manager without Docker. */
import { FleetError } from '../../../src/base/errors.ts';
import type { SwarmEngine } from '../../../src/coordinator/discovery/swarm.ts';
import type { SwarmMachine, SwarmService, SwarmTask } from '../../../src/coordinator/discovery/swarm-view.ts';

/** The service `shop_cache` unless told otherwise. */
export function serviceOf(given: Partial<SwarmService> = {}): SwarmService {
  return { id: 'cache', name: 'shop_cache', ...given, labels: { 'memfleet.role': 'cache', ...given.labels } };
}

/** The running task of a slot, at 10.0.1.SLOT unless told otherwise. */
export function taskOf(slot: number, given: Partial<SwarmTask> = {}): SwarmTask {
  return {
    id: `task-${slot}`,
    serviceId: 'cache',
    slot,
    machineId: 'm1',
    state: 'running',
    desiredState: 'running',
    createdAt: '2026-01-01T00:00:00Z',
    networks: [{ name: 'shop_fleet', ingress: false, addresses: [`10.0.1.${slot}/24`] }],
    ports: [],
    ...given,
  };
}

export function machineOf(id: string, hostname: string): SwarmMachine {
  return { id, hostname, address: '192.168.0.1' };
}

/** A manager that the test is. */
export class FakeSwarm implements SwarmEngine {
  held: SwarmService[] = [serviceOf()];
  filled: SwarmTask[] = [];
  /** While set, every question fails with it. */
  failure: string | undefined;
  /** Each question as it was asked. */
  readonly asked: string[] = [];

  services(labels: readonly string[]): Promise<SwarmService[]> {
    return this.#answer(`services ${labels.join()}`, this.held);
  }

  tasks(serviceIds: readonly string[]): Promise<SwarmTask[]> {
    return this.#answer(`tasks ${serviceIds.join()}`, this.filled);
  }

  machines(): Promise<SwarmMachine[]> {
    return this.#answer('machines', [machineOf('m1', 'rack-1')]);
  }

  async #answer<T>(question: string, answer: T): Promise<T> {
    this.asked.push(question);
    if (this.failure !== undefined) throw new FleetError('DISCOVERY_FAILED', this.failure);
    return answer;
  }
}
