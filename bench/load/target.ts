/**
 * One server under load: its connections, each with a checker, and two of the ways to drive them (`open-loop.ts` has the
 * third).
 *
 * Closed loop: every connection always has one batch under way; it measures what the server can do and what that costs.
 * Once: every batch of a script exactly once; for filling and probing.
 */
import { AnswerChecker, BATCHES_UNDER_WAY_MAX } from './checker.ts';
import type { KeySpaces, Script } from './script.ts';
import type { Address, LoadSocket, LoadTransport } from './transport.ts';
import { cpuNanoseconds } from './usage.ts';

/** How long unanswered requests are waited for at the end of a run. */
const DRAIN_TIMEOUT_MS = 20_000;

/** What a run of the closed loop came to. */
export interface ClosedLoopResult {
  readonly operations: number;
  readonly seconds: number;
  readonly operationsPerSecond: number;
  /** Processor time of the server's process per operation, in µs. */
  readonly serverCpuUs: number;
  /** Share of the time that the server's process was running. Below about 0.9 the load was the limit. */
  readonly serverBusy: number;
  /** Processor time of the load generator per operation, in µs. */
  readonly loadCpuUs: number;
  readonly hits: number;
  readonly misses: number;
}

/** A connection with what checks its answers. */
export class LoadConnection {
  readonly checker: AnswerChecker;
  socket: LoadSocket | undefined;
  /** Ring of the times at which the batches under way were due, for the open loop. */
  readonly due = new Float64Array(BATCHES_UNDER_WAY_MAX);
  dueHead = 0;
  dueTail = 0;

  constructor(checker: AnswerChecker) {
    this.checker = checker;
  }
}

export class Target {
  readonly connections: LoadConnection[] = [];
  readonly #transport: LoadTransport;
  readonly #pid: number;
  #script: Script;
  #operations = 0;
  #onBatch: (connection: LoadConnection) => void = () => {};
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => {};
  #next = 0;
  /** Batches sent with a key of their own. */
  #turn = 0;

  private constructor(transport: LoadTransport, pid: number, script: Script) {
    this.#transport = transport;
    this.#pid = pid;
    this.#script = script;
  }

  /** Opens the connections. `pid` is the server's process, whose processor time is read. */
  static async open(
    transport: LoadTransport,
    address: Address,
    pid: number,
    connections: number,
    spaces: KeySpaces,
    script: Script,
    fullCheckEvery?: number,
  ): Promise<Target> {
    const target = new Target(transport, pid, script);
    for (let i = 0; i < connections; i++) {
      const connection = new LoadConnection(new AnswerChecker(spaces, script, fullCheckEvery));
      const onBatch = (batch: number): void => {
        target.#operations += target.#script.operations[batch] ?? 0;
        target.#onBatch(connection);
      };
      connection.socket = await transport.open(address, {
        onData(chunk, length) {
          if (target.#failure !== undefined) return;
          try {
            connection.checker.consume(chunk, length, onBatch);
          } catch (error) {
            target.#fail(error as Error);
          }
        },
        onLost: (error) => target.#fail(error),
      });
      target.connections.push(connection);
    }
    return target;
  }

  close(): void {
    for (const connection of this.connections) connection.socket?.close();
  }

  /** Operations since the last run began. */
  get operations(): number {
    return this.#operations;
  }

  /** Hits and misses so far. */
  counts(): { hits: number; misses: number; comparedInFull: number } {
    const sum = { hits: 0, misses: 0, comparedInFull: 0 };
    for (const { checker } of this.connections) {
      sum.hits += checker.counts.hits;
      sum.misses += checker.counts.misses;
      sum.comparedInFull += checker.counts.comparedInFull;
    }
    return sum;
  }

  /** Sends every batch of a script once, over all connections, and waits for all answers. */
  async once(script: Script): Promise<void> {
    let next = 0;
    this.begin(script, (connection) => {
      if (next < script.batches) this.#send(connection, next++);
    });
    for (const connection of this.connections) {
      if (next < script.batches) this.#send(connection, next++);
    }
    await this.drained();
  }

  /** Drives the closed loop for `warmupSeconds` unmeasured and `seconds` measured. */
  async closedLoop(script: Script, warmupSeconds: number, seconds: number): Promise<ClosedLoopResult> {
    let running = true;
    this.begin(script, (connection) => {
      if (running) this.sendNext(connection);
    });
    for (const connection of this.connections) this.sendNext(connection);
    await this.#pause(warmupSeconds * 1000);
    const before = this.snapshot();
    await this.#pause(seconds * 1000);
    const after = this.snapshot();
    running = false;
    await this.drained();
    const operations = after.operations - before.operations;
    const elapsedMs = after.ms - before.ms;
    return {
      operations,
      seconds: elapsedMs / 1000,
      operationsPerSecond: (operations / elapsedMs) * 1000,
      serverCpuUs: (after.serverNs - before.serverNs) / 1000 / operations,
      serverBusy: (after.serverNs - before.serverNs) / 1e6 / elapsedMs,
      loadCpuUs: (after.loadUs - before.loadUs) / operations,
      hits: after.hits - before.hits,
      misses: after.misses - before.misses,
    };
  }

  /** Goes on with a script. `onBatch` hears of each batch whose answers are complete. @throws Error if a connection failed */
  begin(script: Script, onBatch: (connection: LoadConnection) => void): void {
    this.check();
    this.#onBatch = onBatch;
    this.#script = script;
    this.#next = 0;
    this.#operations = 0;
    for (const connection of this.connections) {
      connection.checker.use(script);
      connection.dueHead = connection.dueTail = 0;
    }
  }

  /** Sends the next batch of the script, the first after the last. */
  sendNext(connection: LoadConnection): void {
    this.#send(connection, this.#next);
    this.#next = (this.#next + 1) % this.#script.batches;
  }

  #send(connection: LoadConnection, batch: number): void {
    const { bytes: batches, renew } = this.#script;
    if (renew !== undefined) renew(batch, this.#turn++);
    connection.checker.expect(batch);
    const bytes = batches[batch];
    if (bytes !== undefined) connection.socket?.write(bytes);
  }

  /** What server and load generator have used so far. */
  snapshot(): { ms: number; operations: number; serverNs: number; loadUs: number; hits: number; misses: number } {
    const load = process.cpuUsage();
    const { hits, misses } = this.counts();
    return {
      ms: performance.now(),
      operations: this.#operations,
      serverNs: cpuNanoseconds(this.#pid),
      loadUs: load.user + load.system,
      hits,
      misses,
    };
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#onFailure(this.#failure);
  }

  /** @throws Error if an answer was wrong or a connection was lost */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits, but fails at once if a connection does. */
  async #pause(ms: number): Promise<void> {
    if (this.#transport.mustPoll) {
      const endMs = performance.now() + ms;
      while (performance.now() < endMs) {
        await this.#transport.poll();
        this.check();
      }
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#onFailure = reject;
      if (this.#failure !== undefined) reject(this.#failure);
      setTimeout(resolve, ms);
    });
  }

  /** Waits until all is answered. @throws Error if nothing comes for long */
  async drained(): Promise<void> {
    let operations = this.#operations;
    let quietSinceMs = performance.now();
    while (this.connections.some(({ checker }) => checker.underWay > 0)) {
      await this.#pause(1);
      // The time-out runs while nothing comes, so a long fill is not cut off.
      if (this.#operations !== operations) {
        operations = this.#operations;
        quietSinceMs = performance.now();
      }
      if (performance.now() - quietSinceMs > DRAIN_TIMEOUT_MS) {
        const open = this.connections.filter(({ checker }) => checker.underWay > 0).length;
        throw new Error(`${open} connections still waited for answers after ${DRAIN_TIMEOUT_MS / 1000} s`);
      }
    }
  }
}
