/**
 * Holds the current document and tells those who wait for the next one. It knows nothing of HTTP: an event stream
 * subscribes, a long poll waits once. Their number is bounded; nothing is queued for anybody, because only the newest
 * document is of use.
 */
import type { TopologyDocument } from '../topology/document.ts';
import { buildRing, type Ring } from '../topology/ring.ts';

/** A document with what is derived from it once, not once per reader. */
export interface Publication {
  readonly document: TopologyDocument;
  /** The document as JSON. */
  readonly json: string;
  /** The same as bytes, which all readers share. */
  readonly bytes: Buffer;
  /** Entity tag of everything that follows from this version. */
  readonly etag: string;
  /** Built when it is first asked for. */
  ring(): Ring;
}

/** The current document and its followers. */
export class Publisher {
  readonly #watchersMax: number;
  readonly #watchers = new Set<(publication: Publication) => void>();
  #current: Publication | undefined;
  #changes = 0;

  constructor(watchersMax: number) {
    this.#watchersMax = watchersMax;
  }

  /** The newest publication; undefined before the first. */
  get current(): Publication | undefined {
    return this.#current;
  }

  /** How many follow now. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** How many documents were published by this process. */
  get changes(): number {
    return this.#changes;
  }

  /** Makes `document` the current one and tells everybody. Versions must rise. */
  publish(document: TopologyDocument): void {
    if (this.#current !== undefined && document.version <= this.#current.document.version) {
      throw new RangeError(`version ${document.version} after ${this.#current.document.version}`);
    }
    this.#current = toPublication(document);
    this.#changes += 1;
    // A watcher may leave while it is told: a Set's iteration allows that.
    for (const tell of this.#watchers) tell(this.#current);
  }

  /**
   * Calls `tell` with every publication from now on; the function returned ends that.
   * @returns undefined if there are as many watchers as may be
   */
  subscribe(tell: (publication: Publication) => void): (() => void) | undefined {
    if (this.#watchers.size >= this.#watchersMax) return undefined;
    // Two subscribers may pass the same function.
    const watcher = (publication: Publication): void => tell(publication);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

function toPublication(document: TopologyDocument): Publication {
  let ring: Ring | undefined;
  const json = JSON.stringify(document);
  return {
    document,
    json,
    bytes: Buffer.from(json),
    etag: `"${document.version}"`,
    ring: () => (ring ??= buildRing(document)),
  };
}
