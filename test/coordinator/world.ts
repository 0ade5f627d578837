/** A coordinator's core in simulated time: sources and daemons are the test's, everything between them is real. */
import { ManualClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { Fleet } from '../../src/coordinator/fleet.ts';
import { DEFAULT_HEALTH } from '../../src/coordinator/health/node-state.ts';
import { COALESCE_MS, WATCHERS_MAX } from '../../src/coordinator/limits.ts';
import { Publisher } from '../../src/coordinator/publisher.ts';
import type { PayloadSigner } from '../../src/coordinator/signature.ts';
import { memoryStore, type StateStore } from '../../src/coordinator/state-file.ts';
import { DEFAULT_HASHING } from '../../src/topology/document.ts';
import type { ObservedNode } from '../../src/coordinator/discovery/adapter.ts';
import { FakeDaemons, FakeSource, observedOf, pass } from './support.ts';

/** Within this a node that falls silent is out of the ring. */
export const FALL_MS =
  DEFAULT_HEALTH.intervalMs * 1.2 + DEFAULT_HEALTH.retryMs * DEFAULT_HEALTH.fallCount + COALESCE_MS;

/** The nodes `cache-N`. */
export const nodes = (...numbers: number[]): ObservedNode[] => numbers.map((number) => observedOf(`cache-${number}`));

/** A coordinator and its world. */
export class World {
  readonly clock: ManualClock;
  readonly daemons = new FakeDaemons();
  readonly sources: FakeSource[];
  readonly publisher = new Publisher(WATCHERS_MAX);
  readonly fleet: Fleet;
  /** What clients were told, oldest first: `cache-1 active, …`. */
  readonly told: string[] = [];
  readonly versions: number[] = [];

  /** Why words of nodes did not count. */
  readonly refusals: string[] = [];

  constructor(
    store: StateStore = memoryStore(),
    clock = new ManualClock(),
    sources = [new FakeSource()],
    signer?: PayloadSigner,
  ) {
    this.clock = clock;
    this.sources = sources;
    this.publisher.subscribe(({ document }) => {
      this.told.push(document.nodes.map((node) => `${node.name} ${node.state}`).join(', '));
      this.versions.push(document.version);
    });
    this.fleet = new Fleet({
      fleet: 'memfleet',
      hashing: DEFAULT_HASHING,
      sources,
      signer,
      onRefusal: (why) => this.refusals.push(why),
      store,
      publisher: this.publisher,
      prober: this.daemons.factory,
      settings: DEFAULT_HEALTH,
      clock,
      random: () => 0.5,
      log: silentLogger,
    });
  }

  get source(): FakeSource {
    const [first] = this.sources;
    if (first === undefined) throw new Error('no source');
    return first;
  }

  get last(): string | undefined {
    return this.told.at(-1);
  }

  /** Starts, with these nodes in the ring, and forgets what was told until then. */
  async with(...numbers: number[]): Promise<this> {
    await this.fleet.start();
    this.source.observe(...nodes(...numbers));
    await this.pass(3_000);
    this.told.length = 0;
    return this;
  }

  pass(byMs: number): Promise<void> {
    return pass(this.clock, byMs);
  }
}
