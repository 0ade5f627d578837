/**
 * An engine over a store with a clock that stands still, driven with strings and values instead of positions in
 * buffers; and values that are told apart byte by byte.
 */
import { ManualClock } from '../../../src/base/clock.ts';
import { SecondHand } from '../../../src/daemon/clock.ts';
import { Engine, Mode, type Outcome } from '../../../src/daemon/engine.ts';
import type { EvictionPolicyName } from '../../../src/daemon/storage/eviction.ts';
import { ItemCursor } from '../../../src/daemon/storage/items.ts';
import { NONE, type ChunkRef } from '../../../src/daemon/storage/layout.ts';
import { Store } from '../../../src/daemon/storage/store.ts';

export const MEGABYTE = 1024 * 1024;

/** Bytes in front of the items; holds nothing here. */
const SCRATCH_BYTES = 128 * 1024;

export interface DriverOptions {
  memoryBytes: number;
  itemSizeMax?: number;
  evictionDisabled?: boolean;
  /** `lru` unless given. */
  eviction?: EvictionPolicyName;
  growthFactor?: number;
  hashSeed?: number;
}

export interface Found {
  flags: number;
  value: Buffer;
  cas: number;
}

/** A value of `length` bytes; another salt gives other bytes nearly everywhere. */
export function makeValue(length: number, salt: number): Buffer {
  const value = Buffer.allocUnsafe(length);
  let state = (salt * 2654435761 + length) | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    value[i] = state >>> 24;
  }
  return value;
}

export class EngineDriver {
  readonly clock = new ManualClock();
  readonly time = new SecondHand(this.clock);
  readonly store: Store;
  readonly engine: Engine;
  readonly #cursor = new ItemCursor();

  constructor(options: DriverOptions) {
    this.store = new Store(
      {
        memoryLimitBytes: options.memoryBytes,
        scratchBytes: SCRATCH_BYTES,
        evictionDisabled: options.evictionDisabled ?? false,
        eviction: options.eviction ?? 'lru',
        hashSeed: options.hashSeed ?? 1,
        ...(options.growthFactor === undefined ? {} : { growthFactor: options.growthFactor }),
      },
      this.time,
    );
    this.engine = new Engine(this.store, this.time, options.itemSizeMax ?? MEGABYTE);
  }

  /** Announces a value, as a storage command's line does; NONE if it was refused. */
  begin(mode: Mode, key: string, valueBytes: number, flags = 0, exptime = 0): ChunkRef {
    const bytes = Buffer.from(key, 'latin1');
    return this.engine.begin(mode, bytes, 0, bytes.length, flags, exptime, valueBytes);
  }

  /** Sends the announced value and stores it. */
  finish(mode: Mode, ref: ChunkRef, value: Uint8Array, cas = 0): Outcome {
    const { items } = this.store;
    items.openValue(ref, this.#cursor);
    items.append(this.#cursor, value, 0, value.length);
    items.closeValue(this.#cursor);
    return this.engine.commit(mode, ref, cas | 0, Math.floor(cas / 2 ** 32));
  }

  write(mode: Mode, key: string, value: Uint8Array, flags = 0, exptime = 0, cas = 0): Outcome {
    const ref = this.begin(mode, key, value.length, flags, exptime);
    return ref === NONE ? this.engine.failure : this.finish(mode, ref, value, cas);
  }

  set(key: string, value: Uint8Array, flags = 0, exptime = 0): Outcome {
    return this.write(Mode.SET, key, value, flags, exptime);
  }

  /** A retrieval, with all that it counts. */
  get(key: string): Found | undefined {
    const bytes = Buffer.from(key, 'latin1');
    const ref = this.engine.find(bytes, 0, bytes.length);
    if (ref === NONE) {
      this.engine.countMiss();
      return undefined;
    }
    this.engine.countHit(ref);
    const { items } = this.store;
    const value = Buffer.alloc(items.valueBytes(ref));
    const start = items.valueStart(ref);
    items.copyRun(ref, start, start + value.length, value, 0);
    return { flags: items.clientFlags(ref), value, cas: this.store.casOf(ref) };
  }

  delete(key: string): Outcome {
    const bytes = Buffer.from(key, 'latin1');
    return this.engine.delete(bytes, 0, bytes.length);
  }

  touch(key: string, exptime: number): Outcome {
    const bytes = Buffer.from(key, 'latin1');
    return this.engine.touch(bytes, 0, bytes.length, exptime);
  }

  arithmetic(increase: boolean, key: string, delta: number | bigint): Outcome {
    const bytes = Buffer.from(key, 'latin1');
    return this.engine.arithmetic(increase, bytes, 0, bytes.length, delta);
  }

  advance(seconds: number): void {
    this.clock.advance(seconds * 1000);
    this.time.tick();
  }
}
