/**
 * A transport in memory, for tests of the daemon without sockets: what a client's side takes, and when, is the test's to
 * say. What was not taken at once is read from the daemon's memory only when it is taken, as a kernel would, so a region
 * that is used again too early shows as wrong bytes.
 */
import type { Runs } from '../../src/daemon/transport/runs.ts';
import type {
  ListenOptions,
  Listener,
  SocketHandler,
  Transport,
  TransportSocket,
} from '../../src/daemon/transport/transport.ts';

/** Both ends of one connection: the daemon's by its interface, the client's by {@link send}, {@link take} and the rest. */
export class MemorySocket implements TransportSocket {
  readonly peer: string;
  readonly local = 'memory:daemon';
  handler: SocketHandler | undefined;
  /** Bytes that a write takes at once; what is over waits. Infinity unless a test says otherwise. */
  room = Infinity;
  /** The daemon has asked for no more data. */
  paused = false;
  /** The daemon has ended the connection, and all it had written was taken. */
  ended = false;
  /** The daemon has cut the connection off. */
  destroyed = false;
  /** Writes so far. */
  writes = 0;
  /** Only there if the transport gathers. */
  readonly sendRuns?: (runs: Runs) => number;
  /** Reads that went where the daemon wanted them. */
  placedReads = 0;
  readonly #places: boolean;
  readonly #readBuffer: ListenOptions['readBuffer'];
  readonly #received: Buffer[] = [];
  readonly #waiting: { bytes: Uint8Array; start: number; end: number }[] = [];
  #ending = false;
  /** Runs were not taken to their end: the daemon waits for room. */
  #awaitsRoom = false;
  /** Bytes that are being sent and were not read yet. */
  #availableBytes = 0;
  #unread: Buffer = Buffer.alloc(0);

  constructor(name: string, readBuffer: ListenOptions['readBuffer'], gathers: boolean) {
    this.peer = `memory:${name}`;
    this.#readBuffer = readBuffer;
    this.#places = gathers;
    if (gathers) this.sendRuns = (runs) => this.#takeRuns(runs);
  }

  // ---- the daemon's side ----

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.destroyed || this.#ending) return true;
    this.writes++;
    const taken = this.#waiting.length > 0 ? 0 : Math.min(this.room, end - start);
    this.#receive(bytes, start, start + taken);
    this.room -= taken;
    if (taken === end - start) return true;
    this.#waiting.push({ bytes, start: start + taken, end });
    return false;
  }

  /** Takes runs of bytes as far as there is room. */
  #takeRuns(runs: Runs): number {
    if (this.#waiting.length > 0) throw new Error('runs must not overtake what waits');
    this.writes++;
    const taken = Math.min(this.room, runs.byteLength);
    for (let i = 0, left = taken; i < runs.count && left > 0; i++) {
      const end = Math.min(runs.ends[i], runs.starts[i] + left);
      this.#receive(runs.bytes[i], runs.starts[i], end);
      left -= end - runs.starts[i];
    }
    this.room -= taken;
    this.#awaitsRoom = taken < runs.byteLength;
    return taken;
  }

  available(): number {
    return this.#availableBytes;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const unread = this.#unread;
    this.#unread = Buffer.alloc(0);
    // Not within the call: a runtime delivers data from its event loop.
    if (unread.length > 0) queueMicrotask(() => this.send(unread));
  }

  end(): void {
    this.#ending = true;
    this.ended = this.#waiting.length === 0;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#waiting.length = 0;
    queueMicrotask(() => this.handler?.onClose());
  }

  // ---- the client's side ----

  /** Sends bytes; while the daemon has paused they wait in between, as in a kernel's buffer. */
  send(data: string | Uint8Array): void {
    const chunk = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const { bytes, start, length } = this.#readBuffer;
    for (let at = 0; at < chunk.length && !this.destroyed;) {
      if (this.paused) {
        this.#unread = Buffer.concat([this.#unread, chunk.subarray(at)]);
        return;
      }
      this.#availableBytes = chunk.length - at;
      const places = this.#places ? this.handler?.places?.() : undefined;
      if (places !== undefined) {
        at += this.#put(chunk.subarray(at), places);
        continue;
      }
      const end = Math.min(at + length, chunk.length);
      bytes.set(chunk.subarray(at, end), start);
      this.handler?.onData(bytes, start, start + end - at);
      at = end;
    }
  }

  /** One read that goes where the daemon wants it; returns how many bytes that took. */
  #put(chunk: Uint8Array, places: Runs): number {
    const count = Math.min(places.byteLength, chunk.length);
    for (let i = 0, at = 0; at < count; i++) {
      const part = chunk.subarray(at, Math.min(count, at + places.ends[i] - places.starts[i]));
      places.bytes[i].set(part, places.starts[i]);
      at += part.length;
    }
    this.placedReads++;
    this.handler?.onPlaced?.(count);
    return count;
  }

  /** Takes up to `count` of the bytes that wait, and tells the daemon when none are left. */
  take(count = Infinity): void {
    let left = count;
    for (let first = this.#waiting[0]; first !== undefined && left > 0; first = this.#waiting[0]) {
      const end = Math.min(first.end, first.start + left);
      this.#receive(first.bytes, first.start, end);
      left -= end - first.start;
      first.start = end;
      if (first.start === first.end) this.#waiting.shift();
    }
    if (this.#waiting.length > 0 || this.destroyed) return;
    if (this.#ending) this.ended = true;
    else if (this.#awaitsRoom) this.#makeRoom(left);
    else this.handler?.onDrain();
  }

  /** Has the daemon send `byteLength` bytes more of its runs, or as far as they go. */
  #makeRoom(byteLength: number): void {
    const before = this.room;
    for (this.room = byteLength; this.#awaitsRoom && this.room > 0 && !this.destroyed;) {
      this.#awaitsRoom = false;
      this.handler?.onDrain();
    }
    this.room = before;
  }

  /** Closes from the client's side. */
  close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.handler?.onClose();
  }

  /** Bytes that the daemon has written and that were not taken. */
  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Everything that has come and was not asked for before. */
  received(): Buffer {
    const all = Buffer.concat(this.#received);
    this.#received.length = 0;
    return all;
  }

  /** Sends a request and returns what came back at once. */
  ask(data: string | Uint8Array): string {
    this.send(data);
    return this.received().toString('latin1');
  }

  #receive(bytes: Uint8Array, start: number, end: number): void {
    if (end > start) this.#received.push(Buffer.from(bytes.slice(start, end)));
  }
}

export class MemoryTransport implements Transport {
  readonly #gathers: boolean;
  readonly #listeners: ListenOptions[] = [];
  #count = 0;

  /** @param gathers whether its sockets take runs of bytes from where they lie, and put them where they belong */
  constructor(gathers = false) {
    this.#gathers = gathers;
  }

  listen(options: ListenOptions): Promise<Listener> {
    this.#listeners.push(options);
    const close = (): void => void this.#listeners.splice(this.#listeners.indexOf(options), 1);
    return Promise.resolve({ port: 'port' in options.address ? options.address.port : 0, close });
  }

  /** Connects to the address that was listened on first. */
  connect(): MemorySocket {
    const [options] = this.#listeners;
    if (options === undefined) throw new Error('nobody listens');
    const socket = new MemorySocket(String(++this.#count), options.readBuffer, this.#gathers);
    socket.handler = options.accept(socket);
    return socket;
  }
}
