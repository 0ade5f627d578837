/**
 * Several coordinators that agree by what the nodes tell them. The rules one by one; then three whole coordinators in
 * one process with clocks that differ, under chaos from a seed: nodes that come, go and fall silent, sources that are
 * late, coordinators that start anew without a memory, clients that move between them at every step.
 */
import { describe, expect, test } from 'vitest';
import { ManualClock, type Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import {
  agreementOf,
  hear,
  isInRingElsewhere,
  judgeWord,
  patienceMs,
  type Heard,
} from '../../src/coordinator/agreement.ts';
import type { ObservedNode } from '../../src/coordinator/discovery/adapter.ts';
import { Fleet } from '../../src/coordinator/fleet.ts';
import { AGREE_MAX_MS, AGREE_MIN_MS, VERSION_LEAD_MAX } from '../../src/coordinator/limits.ts';
import { DEFAULT_HEALTH } from '../../src/coordinator/health/node-state.ts';
import { Publisher } from '../../src/coordinator/publisher.ts';
import { payloadSigner, type PayloadSigner } from '../../src/coordinator/signature.ts';
import { memoryStore } from '../../src/coordinator/state-file.ts';
import { discoveryPayload } from '../../src/topology/discovery-payload.ts';
import { activeNodes, DEFAULT_HASHING, type TopologyDocument } from '../../src/topology/document.ts';
import { VERSION_MAX } from '../../src/topology/limits.ts';
import { parseTopology } from '../../src/topology/validate.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';
import { FakeDaemons, FakeSource, observedOf, pass } from './support.ts';

const [one, two] = [1, 2].map((n) => nodeOf({ name: `cache-${n}`, ip: `10.0.0.${n}` }));
const own = documentOf([one, two], { version: 100 });
const NOW_MS = 50_000;
const signer = payloadSigner('the token', 'memfleet');

function payloadOf(version: number, nodes = [one, two]): string {
  return discoveryPayload(documentOf(nodes, { version })) ?? '';
}

function word(version: number, nodes = [one, two]): Heard {
  const heard = judgeWord({ payload: payloadOf(version, nodes), signature: '' }, undefined, NOW_MS);
  if (typeof heard === 'string') throw new Error(heard);
  return heard;
}

function told(version: number, nodes = [one, two]): Heard {
  return hear(undefined, word(version, nodes), own);
}

describe('the word of a node', () => {
  const clock = NOW_MS / 1000;

  test.each(['', 'nonsense', '7\n', '0\na|10.0.0.1|1\n', `${2 ** 31}\na|10.0.0.1|1\n`])(
    '%j says nothing',
    (payload) => {
      expect(judgeWord({ payload, signature: '' }, undefined, NOW_MS)).toBe('unreadable');
      expect(judgeWord({ payload, signature: signer.sign(payload) }, signer, NOW_MS)).toBe('unreadable');
    },
  );

  test('counts without a token up to a day ahead of the clock, whatever was heard before', () => {
    expect(word(clock + VERSION_LEAD_MAX)).toMatchObject({ version: clock + VERSION_LEAD_MAX });
    for (const version of [clock + VERSION_LEAD_MAX + 1, VERSION_MAX]) expect(() => word(version)).toThrow('ahead');
  });

  test('counts with a token only if a coordinator of the fleet has signed it, however far ahead', () => {
    const payload = payloadOf(VERSION_MAX - 1);
    const judge = (signature: string) => judgeWord({ payload, signature }, signer, NOW_MS);
    expect(judge(signer.sign(payload))).toMatchObject({ version: VERSION_MAX - 1 });
    const forged = [
      '',
      'x'.repeat(43),
      signer.sign(payloadOf(7)),
      signer.sign(`${payload} `),
      payloadSigner('another token', 'memfleet').sign(payload),
      payloadSigner('the token', 'another fleet').sign(payload),
      `${signer.sign(payload)}AAAA`,
    ];
    for (const signature of forged) expect(judge(signature), signature).toBe('unsigned');
  });

  test('bears a signature that a daemon and a document take', () => {
    expect(signer.sign(payloadOf(1))).toMatch(/^[\w-]{43}$/);
    const document = { ...own, signature: signer.sign(payloadOf(100)) };
    expect(parseTopology(JSON.parse(JSON.stringify(document)))).toEqual(document);
  });
});

describe('what was heard', () => {
  test('is the list with the highest version', () => {
    const heard = hear(told(102), word(101, [one]), own);
    expect(heard).toEqual({ version: 102, entries: new Set(['cache-1|10.0.0.1|11211', 'cache-2|10.0.0.2|11211']) });
  });

  test('is under the same version the list that is not ours', () => {
    expect(hear(told(100), word(100, [one]), own).entries.size).toBe(1);
  });

  test('leads to adopting, differing or nothing', () => {
    expect(agreementOf(undefined, told(200))).toBe('agree');
    expect(agreementOf(own, undefined)).toBe('agree');
    expect(agreementOf(own, told(99, [one]))).toBe('agree');
    expect(agreementOf(own, told(100))).toBe('agree');
    expect(agreementOf(own, told(101))).toBe('adopt');
    expect(agreementOf(own, told(100, [one]))).toBe('differ');
    expect(agreementOf(own, told(101, [one]))).toBe('differ');
  });

  test('says whether a node is in another’s ring only while it is news', () => {
    expect(isInRingElsewhere(undefined, told(100), one)).toBe(true);
    expect(isInRingElsewhere(own, told(101), one)).toBe(true);
    expect(isInRingElsewhere(own, told(100), one)).toBe(false);
    expect(isInRingElsewhere(own, told(101, [two]), one)).toBe(false);
  });

  test('is given more time with each conflict, within bounds', () => {
    expect([patienceMs(0, 0), patienceMs(1, 0), patienceMs(1, 1)]).toEqual([3_000, 6_000, 9_000]);
    expect(patienceMs(1_000, 0)).toBe(AGREE_MAX_MS);
  });
});

/** The world's time as a coordinator sees it whose clock is wrong. */
function skewed(clock: ManualClock, byMs: number): Clock {
  return {
    nowMs: () => clock.nowMs() + byMs,
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, wake) => clock.setTimer(delayMs, wake),
  };
}

/** A generator of numbers from 0 to 1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Coordinator {
  fleet: Fleet;
  source: FakeSource;
  publisher: Publisher;
}

/** Three coordinators, six nodes with their sidecars, eight clients. */
class World {
  readonly clock = new ManualClock();
  readonly daemons = new FakeDaemons();
  readonly coordinators: Coordinator[] = [];
  readonly clients: (TopologyDocument | undefined)[] = Array.from({ length: 8 });
  readonly random: () => number;
  readonly #skewsMs: readonly number[];
  #nodes: ObservedNode[] = [];

  readonly #signer: PayloadSigner | undefined;

  constructor(seed: number, withToken: boolean) {
    this.#signer = withToken ? signer : undefined;
    this.random = randomFrom(seed);
    this.#skewsMs = [0, 1, 2].map(() => Math.round((this.random() - 0.5) * 4_000));
  }

  async start(index: number): Promise<void> {
    await this.coordinators[index]?.fleet.close();
    const source = new FakeSource();
    const publisher = new Publisher(10);
    const clock = skewed(this.clock, this.#skewsMs[index] ?? 0);
    const fleet = new Fleet({
      fleet: 'memfleet',
      hashing: DEFAULT_HASHING,
      signer: this.#signer,
      sources: [source],
      store: memoryStore(),
      publisher,
      prober: this.daemons.factory,
      settings: DEFAULT_HEALTH,
      clock,
      random: this.random,
      log: silentLogger,
    });
    this.coordinators[index] = { fleet, source, publisher };
    await fleet.start();
    source.observe(...this.#nodes);
  }

  /** The engine's list changes; each coordinator hears of it at a time of its own. */
  list(numbers: readonly number[]): void {
    this.#nodes = numbers.map((number) => observedOf(`cache-${number}`));
    for (const { source } of this.coordinators) {
      const nodes = this.#nodes;
      this.clock.setTimer(this.random() * 300, () => source.observe(...nodes));
    }
  }

  /** Every sidecar and every client asks whatever coordinator the name leads it to, and takes only what is newer. */
  ask(): void {
    for (const { ip } of this.#nodes) {
      const document = this.#any();
      const had = Number(this.daemons.told.get(ip)?.split('\n')[0] ?? 0);
      const payload = document === undefined ? undefined : discoveryPayload(document);
      if (this.daemons.silent.has(ip) || document === undefined || payload === undefined) continue;
      if (document.version > had) {
        this.daemons.told.set(ip, payload);
        this.daemons.signatures.set(ip, document.signature ?? '');
      }
    }
    this.clients.forEach((had, index) => {
      const document = this.#any();
      if (document !== undefined && document.version > (had?.version ?? 0)) this.clients[index] = document;
    });
  }

  async run(forMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < forMs; passedMs += 100) {
      await pass(this.clock, 100, 25);
      this.ask();
    }
  }

  ringOf(document: TopologyDocument | undefined): string {
    return document === undefined
      ? 'none'
      : activeNodes(document)
          .map(({ name }) => name)
          .join();
  }

  rings(): string[] {
    return this.coordinators.map(({ publisher }) => this.ringOf(publisher.current?.document));
  }

  versions(): (number | undefined)[] {
    return this.coordinators.map(({ publisher }) => publisher.current?.document.version);
  }

  async close(): Promise<void> {
    for (const { fleet } of this.coordinators) await fleet.close();
  }

  #any(): TopologyDocument | undefined {
    return this.coordinators[Math.floor(this.random() * this.coordinators.length)]?.publisher.current?.document;
  }
}

async function three(seed: number, withToken: boolean, ...numbers: number[]): Promise<World> {
  const world = new World(seed, withToken);
  world.list(numbers);
  for (const index of [0, 1, 2]) await world.start(index);
  await world.run(10_000);
  return world;
}

describe.each([false, true])('three coordinators, with a token: %s', (withToken) => {
  test('come to one document with one version', async () => {
    const world = await three(1, withToken, 1, 2, 3, 4);
    expect(new Set(world.rings())).toEqual(new Set(['cache-1,cache-2,cache-3,cache-4']));
    expect(new Set(world.versions()).size).toBe(1);
    await world.close();
  });

  test('one that starts without a memory flushes nothing that is in the ring of the others, and goes on above', async () => {
    const world = await three(2, withToken, 1, 2, 3);
    const [before = 0] = world.versions();
    world.daemons.flushed.length = 0;
    await world.start(1);
    await world.run(5_000);
    expect(world.daemons.flushed).toEqual([]);
    expect(new Set(world.rings())).toEqual(new Set(['cache-1,cache-2,cache-3']));
    for (const version of world.versions()) expect(version).toBeGreaterThanOrEqual(before);
    expect(new Set(world.versions()).size).toBe(1);
    await world.close();
  });

  test('the one that is left says what it sees above what the dead ones said', async () => {
    const world = await three(3, withToken, 1, 2, 3);
    // Two run ahead of the clock, then die; the third has not seen what they saw and learns another list.
    const ahead = (world.versions()[0] ?? 0) + 600;
    const nodes = [one, two];
    for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      const payload = payloadOf(ahead, nodes);
      world.daemons.told.set(ip, payload);
      world.daemons.signatures.set(ip, signer.sign(payload));
    }
    await world.run(2 * AGREE_MIN_MS);
    for (const version of world.versions()) expect(version).toBeGreaterThan(ahead);
    expect(new Set(world.rings())).toEqual(new Set(['cache-1,cache-2,cache-3']));
    await world.close();
  });

  test.each(Array.from({ length: 8 }, (_, index) => 1_000 + index))(
    'under chaos from seed %i lead no client back, and agree when it is over',
    async (seed) => {
      const world = await three(seed, withToken, 1, 2, 3, 4);
      for (let round = 0; round < 12; round += 1) {
        const chance = world.random();
        const ip = `10.0.0.${1 + Math.floor(world.random() * 4)}`;
        if (chance < 0.3) world.list([1, 2, 3, 4, 5, 6].filter(() => world.random() < 0.7).concat(7));
        else if (chance < 0.5) world.daemons.silent.add(ip);
        else if (chance < 0.7) world.daemons.silent.delete(ip);
        else if (chance < 0.85) await world.start(Math.floor(world.random() * 3));
        else world.daemons.told.delete(ip);
        await world.run(500 + world.random() * 2_500);
      }
      world.daemons.silent.clear();
      world.list([1, 2, 3, 4]);
      await world.run(45_000);
      const ring = 'cache-1,cache-2,cache-3,cache-4';
      expect(world.rings()).toEqual([ring, ring, ring]);
      expect(new Set(world.versions()).size, world.versions().join()).toBe(1);
      const [version] = world.versions();
      for (const client of world.clients) {
        expect([client?.version, world.ringOf(client)]).toEqual([version, ring]);
      }
      await world.close();
    },
  );
});
