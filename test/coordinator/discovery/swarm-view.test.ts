/** What a Swarm's services and tasks amount to. */
import { describe, expect, test } from 'vitest';
import { needsMachines, nodesOfSwarm, type SwarmState } from '../../../src/coordinator/discovery/swarm-view.ts';
import { machineOf, serviceOf, taskOf } from './swarm-support.ts';

function nodes(state: Partial<SwarmState>) {
  return nodesOfSwarm({ services: [serviceOf()], tasks: [], machines: [], ...state }, 9150);
}

describe('a slot is a node', () => {
  test('named and placed by service and slot, at the task’s address', () => {
    expect(nodes({ tasks: [taskOf(2), taskOf(10), taskOf(1)] })).toEqual(
      [1, 2, 10].map((slot) => ({
        name: `shop_cache-${slot}`,
        host: `shop_cache-${slot}`,
        ip: `10.0.1.${slot}`,
        port: 11211,
        weight: 1,
        sidecar: `http://10.0.1.${slot}:9150`,
        hint: 'running',
        instance: `task-${slot}`,
      })),
    );
  });

  test('or by the machine, where a service has one task on each', () => {
    const tasks = ['m1', 'm2'].map((machineId, index) => taskOf(index, { id: machineId, slot: undefined, machineId }));
    const named = nodes({ tasks, machines: [machineOf('m1', 'rack-1'), machineOf('m2', 'rack-2')] });
    expect(named.map(({ name }) => name)).toEqual(['shop_cache-rack-1', 'shop_cache-rack-2']);
    const alike = nodes({ tasks, machines: [machineOf('m1', 'debian'), machineOf('m2', 'debian')] });
    expect(alike.map(({ name }) => name)).toEqual(['shop_cache-m1', 'shop_cache-m2']);
  });

  test('of each service that counts, and of no other', () => {
    const services = [serviceOf(), serviceOf({ id: 'big', name: 'shop_big', labels: { 'memfleet.weight': '4' } })];
    const tasks = [taskOf(1), taskOf(1, { id: 'b', serviceId: 'big' }), taskOf(1, { id: 'w', serviceId: 'web' })];
    expect(nodes({ services, tasks }).map(({ name, weight }) => [name, weight])).toEqual([
      ['shop_big-1', 4],
      ['shop_cache-1', 1],
    ]);
  });

  test('with ports and weight from the service’s labels, those that cannot be read left out', () => {
    const labels = { 'memfleet.port': '11311', 'memfleet.sidecar-port': '9999', 'memfleet.weight': 'heavy' };
    const [node] = nodes({ services: [serviceOf({ labels })], tasks: [taskOf(1)] });
    expect(node).toMatchObject({ port: 11311, sidecar: 'http://10.0.1.1:9999', weight: 1 });
  });
});

/** Tasks in one slot as `state/desired state`, the later the younger. */
function slot(...states: string[]) {
  const tasks = states.map((text, index) => {
    const [state = '', desiredState = ''] = text.split('/');
    return taskOf(1, { id: String(index), state, desiredState, createdAt: `2026-01-01T00:00:0${index}Z` });
  });
  return nodes({ tasks }).map(({ instance, hint, ip }) => [instance, hint, ip]);
}

describe('of the tasks in a slot the living one counts', () => {
  const at = '10.0.1.1';

  test.each([
    ['runs', ['running/running'], [['0', 'running', at]]],
    ['has failed twice before', ['failed/shutdown', 'shutdown/shutdown', 'running/running'], [['2', 'running', at]]],
    ['was told to stop', ['running/shutdown'], [['0', 'leaving', at]]],
    ['was scaled away and still answers', ['running/remove'], [['0', 'leaving', at]]],
    ['has been scaled away', ['shutdown/shutdown', 'failed/shutdown'], []],
    ['makes way for the next', ['running/shutdown', 'preparing/ready'], [['0', 'leaving', at]]],
    ['has made way', ['shutdown/shutdown', 'preparing/running'], [['1', 'stopped', '']]],
    ['begins, not yet seen healthy', ['shutdown/shutdown', 'starting/running'], [['1', 'running', at]]],
    ['begins before the old one ends', ['running/running', 'starting/running'], [['0', 'running', at]]],
    ['has begun before the old one ends', ['running/running', 'running/running'], [['1', 'running', at]]],
    ['has begun while the old one ends', ['running/shutdown', 'running/running'], [['1', 'running', at]]],
    ['finds no machine', ['failed/shutdown', 'pending/running'], [['1', 'stopped', '']]],
    ['was on a machine that is gone', ['orphaned/shutdown', 'running/running'], [['1', 'running', at]]],
  ])('when it %s', (_, states, expected) => {
    expect(slot(...states)).toEqual(expected);
  });
});

describe('the address', () => {
  const networks = [
    { name: 'ingress', ingress: true, addresses: ['10.255.0.3/16'] },
    { name: 'b', ingress: false, addresses: ['10.0.2.1/24'] },
    { name: 'a', ingress: false, addresses: ['10.0.1.1/24'] },
  ];

  test('is in the first network by name that is not the routing mesh', () => {
    expect(nodes({ tasks: [taskOf(1, { networks })] })[0]?.ip).toBe('10.0.1.1');
  });

  test('or in the one that the service names', () => {
    const services = [serviceOf({ labels: { 'memfleet.network': 'b' } })];
    expect(nodes({ services, tasks: [taskOf(1, { networks })] })[0]?.ip).toBe('10.0.2.1');
  });

  test('is the machine’s where the task is in the machine’s own network', () => {
    const task = taskOf(1, { networks: [{ name: 'host', ingress: false, addresses: [] }] });
    expect(nodes({ tasks: [task], machines: [machineOf('m1', 'rack-1')] })[0]?.ip).toBe('192.168.0.1');
    expect(needsMachines([task])).toBe(true);
  });

  test('that is not there means that nobody can reach the node', () => {
    expect(nodes({ tasks: [taskOf(1, { networks: [] })] })[0]).toMatchObject({ ip: '', sidecar: '', hint: 'stopped' });
  });

  test('of IPv6 has brackets in a URL', () => {
    const task = taskOf(1, { networks: [{ name: 'a', ingress: false, addresses: ['fd00::5/64'] }] });
    expect(nodes({ tasks: [task] })[0]).toMatchObject({ ip: 'fd00::5', sidecar: 'http://[fd00::5]:9150' });
  });
});

describe('ports of the machine', () => {
  test('are where the node is reached from outside', () => {
    const ports = [
      { target: 11211, published: 30000 },
      { target: 9150, published: 30001 },
    ];
    const machines = [machineOf('m1', 'rack-1')];
    const [node] = nodes({ tasks: [taskOf(1, { ports })], machines });
    expect(node?.published).toEqual({ ip: '192.168.0.1', port: 30000, sidecarPort: 30001 });
    const [daemonOnly] = nodes({ tasks: [taskOf(1, { ports: ports.slice(0, 1) })], machines });
    expect(daemonOnly?.published).toEqual({ ip: '192.168.0.1', port: 30000 });
    expect(needsMachines([taskOf(1, { ports })])).toBe(true);
  });

  test('are not needed otherwise, and neither are the machines', () => {
    expect(nodes({ tasks: [taskOf(1)] })[0]).not.toHaveProperty('published');
    expect(needsMachines([taskOf(1)])).toBe(false);
    expect(needsMachines([taskOf(1, { slot: undefined })])).toBe(true);
  });
});
