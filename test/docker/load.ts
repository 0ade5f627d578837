/**
 * What a fleet's users notice, measured: our client under constant load, and a watcher that notes when which topology
 * was to be had from the coordinator. Both go on whatever happens to the other side.
 */
import type { Fleet } from '../../src/client/index.ts';
import { activeNodes, type TopologyDocument } from '../../src/topology/document.ts';

/** Between two pairs of requests: about 200 sets and 200 gets a second. */
const PACE_MS = 5;
const KEYS = 500;
/** How often the coordinator is asked; so exact are the times in the table. */
const WATCH_MS = 20;

/** What the load has met with. */
export interface Counts {
  requests: number;
  /** A key that was stored and is not there: its owner has changed, or is away. */
  misses: number;
  /** Requests that were rejected. */
  failed: number;
}

/** Requests at a constant pace until it is stopped; a slow answer holds up no other. */
export class Load {
  readonly counts: Counts = { requests: 0, misses: 0, failed: 0 };
  /** The first few reasons of failures. */
  readonly reasons: string[] = [];
  readonly #fleet: Fleet;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#timer = setInterval(() => this.#step(), PACE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #step(): void {
    this.#next = (this.#next + 1) % KEYS;
    const other = (this.#next + KEYS / 2) % KEYS;
    void this.#count(this.#fleet.set(`load:${this.#next}`, this.#next));
    void this.#count(this.#read(`load:${other}`));
  }

  async #read(key: string): Promise<void> {
    if ((await this.#fleet.get(key)) === undefined) this.counts.misses += 1;
  }

  async #count(request: Promise<unknown>): Promise<void> {
    this.counts.requests += 1;
    try {
      await request;
    } catch (error) {
      this.counts.failed += 1;
      if (this.reasons.length < 5) this.reasons.push(String(error));
    }
  }
}

/** A topology and when it was first seen. */
export interface Sighting {
  readonly atMs: number;
  readonly version: number;
  /** The active nodes with their addresses: `name@ip`. */
  readonly ring: readonly string[];
}

/** Asks the coordinator again and again. */
export class Watcher {
  readonly sightings: Sighting[] = [];
  /** When it last answered. */
  answeredMs = 0;
  readonly #url: string;
  #stopped = false;

  constructor(url: string) {
    this.#url = `${url}/v1/topology`;
    void this.#run();
  }

  get newest(): Sighting | undefined {
    return this.sightings.at(-1);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        const response = await fetch(this.#url, { signal: AbortSignal.timeout(1_000) });
        if (response.ok) this.#note((await response.json()) as TopologyDocument);
      } catch {
        // It is away, which is what some of the tests are about.
      }
      await new Promise((wake) => setTimeout(wake, WATCH_MS));
    }
  }

  #note(document: TopologyDocument): void {
    const atMs = Date.now();
    this.answeredMs = atMs;
    if (document.version === this.newest?.version) return;
    const ring = activeNodes(document).map(({ name, ip }) => `${name}@${ip}`);
    this.sightings.push({ atMs, version: document.version, ring });
  }
}
