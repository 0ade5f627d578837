/** The ring: who owns a key, and what building it costs. */
import { buildRing, type RingSource } from '../../src/topology/ring.ts';
import { OPERATIONS, type MicroTask } from './task.ts';

function sourceOf(nodes: number, algorithm: RingSource['hashing']['algorithm']): RingSource {
  return {
    hashing: { algorithm, keyHash: 'md5', pointsPerNode: 160 },
    nodes: Array.from({ length: nodes }, (_, i) => ({
      name: `cache-${i + 1}`,
      host: `cache-${i + 1}`,
      ip: '10.0.0.1',
      port: 11_211,
      weight: 1,
      state: 'active' as const,
      sidecar: 'http://10.0.0.1:9150',
    })),
  };
}

export function ringTasks(): MicroTask[] {
  const keys = Array.from({ length: OPERATIONS }, (_, i) => `user:${i}:profile`);
  const tasks: MicroTask[] = [];
  for (const algorithm of ['ketama', 'rendezvous-murmur3', 'modulo-crc32-shift'] as const) {
    for (const nodes of [4, 64]) {
      const ring = buildRing(sourceOf(nodes, algorithm));
      tasks.push({
        name: `ring: owner by ${algorithm}, ${nodes} nodes`,
        operations: OPERATIONS,
        run() {
          for (const key of keys) if (ring.owner(key) === undefined) throw new Error('a key without an owner');
        },
      });
    }
  }
  tasks.push({
    name: 'ring: build ketama, 64 nodes',
    operations: 1,
    run: () => void buildRing(sourceOf(64, 'ketama')),
  });
  return tasks;
}
