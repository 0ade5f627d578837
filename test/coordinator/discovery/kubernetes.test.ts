/** Discovery among a service's endpoints, on a watch that the test plays, in simulated time. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/log.ts';
import { kubernetesDiscovery, type SliceApi, type SliceEvent } from '../../../src/coordinator/discovery/kubernetes.ts';
import type { EndpointSlice } from '../../../src/coordinator/discovery/kubernetes-view.ts';
import {
  KUBERNETES_ABSENT_LOOK_MS,
  KUBERNETES_ABSENT_LOOKS,
  KUBERNETES_WATCH_GRACE_MS,
  KUBERNETES_WATCH_MS,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from '../../../src/coordinator/limits.ts';
import { sliceOf } from '../../support/kubernetes-api.ts';
import { describeAdapter } from './adapter-suite.ts';
import { pass, settled } from '../support.ts';
import { eventQueue } from '../../support/event-queue.ts';

/** An API server that the test is. */
class FakeSlices implements SliceApi {
  readonly service = { namespace: 'shop', service: 'cache' };
  slices: EndpointSlice[] = [];
  failure: string | undefined;
  lists = 0;
  /** Where each watch began. */
  readonly watchedFrom: string[] = [];
  version = 1;
  #push: ((event: SliceEvent | undefined) => void) | undefined;

  async list(): Promise<{ slices: EndpointSlice[]; version: string }> {
    this.lists += 1;
    if (this.failure !== undefined) throw new FleetError('DISCOVERY_FAILED', this.failure);
    return { slices: this.slices, version: String(this.version) };
  }

  async watch(version: string, _durationMs: number, signal: AbortSignal): Promise<AsyncIterable<SliceEvent>> {
    if (this.failure !== undefined) throw new FleetError('DISCOVERY_FAILED', this.failure);
    this.watchedFrom.push(version);
    const queue = eventQueue<SliceEvent>(signal);
    this.#push = queue.push;
    return queue.stream;
  }

  /** Sends an event of a slice at the next version. */
  say(type: 'changed' | 'deleted' | 'bookmark', slice: EndpointSlice): void {
    this.version += 1;
    const metadata = { ...slice.metadata, resourceVersion: String(this.version) };
    this.#push?.({ type, slice: { ...slice, metadata } });
  }

  gone(): void {
    this.#push?.({ type: 'gone' });
  }

  /** Ends the watch as its time-out does. */
  end(): void {
    this.#push?.(undefined);
  }
}

function made() {
  const clock = new ManualClock();
  const api = new FakeSlices();
  const adapter = kubernetesDiscovery({ api, sidecarPort: 9150, clock, random: () => 0.5, log: silentLogger });
  return { clock, api, adapter };
}

describeAdapter('Kubernetes', async () => {
  const { clock, api, adapter } = made();
  return {
    adapter,
    hold: (...numbers) => {
      const slice = sliceOf('a', numbers);
      api.slices = [slice];
      api.say('changed', slice);
    },
    readable: (yes) => {
      api.failure = yes ? undefined : 'no server';
      api.end();
    },
    pass: () => pass(clock, RECONNECT_MAX_MS, 50),
    nameOf: (number) => `cache-${number}`,
  };
});

async function started(...slices: EndpointSlice[]) {
  const { clock, api, adapter } = made();
  api.slices = slices;
  const lists: string[] = [];
  const losses: string[] = [];
  adapter.start({
    observed: (nodes) =>
      lists.push(nodes.map(({ name, hint }) => (hint === 'running' ? name : `${name} ${hint}`)).join()),
    lost: (error) => losses.push(error.message),
  });
  await settled();
  return { clock, api, adapter, lists, losses, shortly: () => pass(clock, RECONNECT_MIN_MS) };
}

/** A slice in which some pods are on their way out. */
function terminatingIn(name: string, leaving: number[], others: number[]): EndpointSlice {
  const slice = sliceOf(name, [...leaving, ...others]);
  const endpoints = (slice.endpoints ?? []).map((endpoint, index) =>
    index < leaving.length ? { ...endpoint, conditions: { ready: false, serving: true, terminating: true } } : endpoint,
  );
  return { ...slice, endpoints };
}

describe('an endpoint that vanishes without having been terminating', () => {
  const goneMs = KUBERNETES_ABSENT_LOOKS * KUBERNETES_ABSENT_LOOK_MS;

  test('stays for several looks, however many events come meanwhile', async () => {
    const { clock, api, adapter, lists } = await started(sliceOf('a', [1, 2]));
    api.say('changed', sliceOf('a', [1]));
    for (let index = 0; index < 3 * KUBERNETES_ABSENT_LOOKS; index += 1) api.say('bookmark', {});
    await pass(clock, goneMs - KUBERNETES_ABSENT_LOOK_MS, 100);
    expect(lists).toEqual(['cache-1,cache-2', 'cache-1,cache-2 unlisted']);
    await pass(clock, KUBERNETES_ABSENT_LOOK_MS, 100);
    expect(lists.at(-1)).toBe('cache-1');
    await adapter.close();
  });

  test('and comes back in another slice was only moved', async () => {
    const { api, adapter, lists, shortly } = await started(sliceOf('a', [1, 2]));
    api.say('changed', sliceOf('a', [1]));
    await shortly();
    api.say('changed', sliceOf('b', [2]));
    await shortly();
    expect(lists).toEqual(['cache-1,cache-2', 'cache-1,cache-2 unlisted', 'cache-1,cache-2']);
    await adapter.close();
  });

  test('is not missed while the server cannot be seen', async () => {
    const { clock, api, adapter, lists } = await started(sliceOf('a', [1, 2]));
    api.say('changed', sliceOf('a', [1]));
    await settled();
    api.failure = 'away';
    api.end();
    await pass(clock, 3 * goneMs, 500);
    expect(lists.at(-1)).toBe('cache-1,cache-2 unlisted');
    await adapter.close();
  });
});

describe('a watch', () => {
  test('adds, changes and removes slices', async () => {
    const { api, adapter, lists, shortly } = await started(sliceOf('a', [1]));
    api.say('changed', sliceOf('b', [2, 3]));
    await shortly();
    api.say('changed', terminatingIn('b', [2], [3]));
    await shortly();
    api.say('changed', sliceOf('b', [3]));
    await shortly();
    api.say('changed', terminatingIn('a', [1], []));
    await shortly();
    api.say('deleted', sliceOf('a', [1]));
    await shortly();
    expect(lists).toEqual([
      'cache-1',
      'cache-1,cache-2,cache-3',
      'cache-1,cache-2 leaving,cache-3',
      'cache-1,cache-3',
      'cache-1 leaving,cache-3',
      'cache-3',
    ]);
    expect(api.lists).toBe(1);
    await adapter.close();
  });

  test('that ends in time is taken up where it was, without a list and without a loss', async () => {
    const { api, adapter, lists, losses, shortly } = await started(sliceOf('a', [1]));
    api.say('changed', sliceOf('a', [1, 2]));
    await shortly();
    api.end();
    await shortly();
    api.say('bookmark', {});
    await shortly();
    api.end();
    await shortly();
    expect(api.watchedFrom).toEqual(['1', '2', '3']);
    expect([api.lists, lists.length, losses]).toEqual([1, 2, []]);
    await adapter.close();
  });

  test('from a version that is gone begins again with a list, which is no loss', async () => {
    const { api, adapter, lists, losses, shortly } = await started(sliceOf('a', [1]), sliceOf('b', [2]));
    api.slices = [sliceOf('a', [1, 3])];
    api.version = 900;
    api.gone();
    await shortly();
    expect(lists).toEqual(['cache-1,cache-2', 'cache-1,cache-3,cache-2 unlisted']);
    expect([api.lists, api.watchedFrom.at(-1), losses]).toEqual([2, '900', []]);
    await adapter.close();
  });

  test('that does not end in time was cut without a word: the source is lost, and listed anew', async () => {
    const { clock, api, adapter, losses, lists } = await started(sliceOf('a', [1]));
    await pass(clock, KUBERNETES_WATCH_MS + KUBERNETES_WATCH_GRACE_MS + RECONNECT_MAX_MS, 100);
    expect(losses).toEqual(['Kubernetes: a watch has gone silent']);
    expect([api.lists, lists]).toEqual([2, ['cache-1', 'cache-1']]);
    await adapter.close();
  });

  test('that always ends at once is no busy loop', async () => {
    const { clock, api, adapter } = await started(sliceOf('a', [1]));
    const endAtOnce = setInterval(() => api.end(), 0);
    await pass(clock, 1_000, 10);
    clearInterval(endAtOnce);
    expect(api.watchedFrom.length).toBeLessThanOrEqual(1 + 1_000 / (RECONNECT_MIN_MS / 2));
    await adapter.close();
  });
});

test('a server that is away is tried again after growing waits', async () => {
  const { clock, api, adapter } = await started();
  api.failure = 'away';
  api.end();
  const begunMs = clock.monotonicMs();
  const tries: number[] = [];
  let lists = api.lists;
  while (tries.length < 8) {
    await pass(clock, 25, 25);
    if (api.lists > lists) tries.push(clock.monotonicMs() - begunMs);
    lists = api.lists;
  }
  const waits = tries.map((ms, index) => ms - (tries[index - 1] ?? 0));
  expect(waits.every((wait, index) => wait >= (waits[index - 1] ?? 0) * 0.9)).toBe(true);
  expect(waits.at(-1)).toBeLessThanOrEqual(RECONNECT_MAX_MS);
  await adapter.close();
});

test('its name is that of the service', () => {
  expect(made().adapter.name).toBe('kubernetes:shop/cache');
});
