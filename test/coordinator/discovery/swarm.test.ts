/** Discovery among a Swarm's tasks, on a manager that the test plays, in simulated time. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import type { ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import {
  INTERVAL_JITTER,
  RECONNECT_MAX_MS,
  SWARM_ABSENT_LOOKS,
  SWARM_POLL_MS,
} from '../../../src/coordinator/limits.ts';
import { swarmDiscovery } from '../../../src/coordinator/discovery/swarm.ts';
import { describeAdapter } from './adapter-suite.ts';
import { pass, settled } from '../support.ts';
import { FakeSwarm, taskOf } from './swarm-support.ts';

function made(stack?: string) {
  const clock = new ManualClock();
  const engine = new FakeSwarm();
  const adapter = swarmDiscovery({ engine, stack, sidecarPort: 9150, clock, random: () => 0.5 });
  return { clock, engine, adapter };
}

describeAdapter('a Swarm', async () => {
  const { clock, engine, adapter } = made();
  return {
    adapter,
    hold: (...numbers) => {
      engine.filled = numbers.map((number) => taskOf(number));
    },
    readable: (yes) => {
      engine.failure = yes ? undefined : 'no manager';
    },
    pass: () => pass(clock, RECONNECT_MAX_MS, 50),
    nameOf: (number) => `shop_cache-${number}`,
  };
});

test('asks for the stack’s services by label, for their tasks, and for the machines only where they matter', async () => {
  const { clock, engine, adapter } = made('shop');
  engine.filled = [taskOf(1)];
  adapter.start({ observed: () => {}, lost: () => expect.unreachable() });
  await settled();
  const both = ['services memfleet.role=cache,com.docker.stack.namespace=shop', 'tasks cache'];
  expect(engine.asked.splice(0)).toEqual(both);
  engine.filled = [taskOf(1, { slot: undefined })];
  await pass(clock, SWARM_POLL_MS * (1 + INTERVAL_JITTER));
  expect(engine.asked.splice(0)).toEqual([...both, 'machines']);
  await adapter.close();
});

test('without a service asks for no task: all of the Swarm’s would come', async () => {
  const { engine, adapter } = made();
  engine.held = [];
  const lists: unknown[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes), lost: () => expect.unreachable() });
  await settled();
  expect([lists, engine.asked]).toEqual([[[]], ['services memfleet.role=cache']]);
  await adapter.close();
});

test('a manager that is away is asked again after growing waits', async () => {
  const { clock, engine, adapter } = made();
  engine.failure = 'away';
  adapter.start({ observed: () => expect.unreachable(), lost: () => {} });
  const tries: number[] = [];
  while (tries.length < 8) {
    await pass(clock, 25, 25);
    if (engine.asked.splice(0).length > 0) tries.push(clock.monotonicMs());
  }
  const waits = tries.slice(1).map((ms, index) => ms - (tries[index] ?? 0));
  expect(waits.every((wait, index) => wait >= (waits[index - 1] ?? 0) * 0.9)).toBe(true);
  expect(waits.at(-1)).toBeLessThanOrEqual(RECONNECT_MAX_MS);
  await adapter.close();
});

test('a slot that a list lacks stays for several looks, and one that was leaving is gone at once', async () => {
  const { clock, engine, adapter } = made();
  engine.filled = [taskOf(1), taskOf(2), taskOf(3)];
  const lists: string[] = [];
  const note = (nodes: readonly ObservedNode[]): void => {
    lists.push(nodes.map(({ name, hint }) => `${name} ${hint}`).join(', '));
  };
  adapter.start({ observed: note, lost: () => expect.unreachable() });
  await settled();
  engine.filled = [taskOf(1), taskOf(2), taskOf(3, { desiredState: 'remove' })];
  await pass(clock, SWARM_POLL_MS);
  engine.filled = [taskOf(1)];
  await pass(clock, SWARM_POLL_MS);
  expect(lists.slice(1)).toEqual([
    'shop_cache-1 running, shop_cache-2 running, shop_cache-3 leaving',
    'shop_cache-1 running, shop_cache-2 unlisted',
  ]);
  await pass(clock, (SWARM_ABSENT_LOOKS - 2) * SWARM_POLL_MS);
  expect(lists.length).toBe(3);
  await pass(clock, SWARM_POLL_MS);
  expect(lists.at(-1)).toBe('shop_cache-1 running');
  await adapter.close();
});
