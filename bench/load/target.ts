/**
 * One server under load: its connections, each with a checker, and the three ways to drive them.
 *
 * Closed loop: every connection always has one batch under way; it measures what the server can do and what that costs.
 * Once: every batch of a script exactly once; for filling and probing.
 * Open loop: batches are sent when they are due, whether or not earlier ones were answered, and a latency counts from
 * when the batch was due. A server that stops for 10 ms so shows all the requests that the stop would have hit, not only
 * the ones that a polite client had under way (the mistake known as coordinated omission).
 */
import { AnswerChecker, BATCHES_UNDER_WAY_MAX } from './checker.ts';
import { Histogram, type LatencySummary } from './histogram.ts';
import { seededRandom } from './random.ts';
import type { KeySpaces, Script } from './script.ts';
import { openSocket, type Address, type LoadSocket } from './transport.ts';
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

/** What a run of the open loop came to. */
export interface OpenLoopResult extends LatencySummary {
  readonly ratePerSecond: number;
  readonly serverCpuUs: number;
  /**
   * How late, in µs, the load generator itself was in sending 99.9 % of the requests. It is part of every latency: where
   * it comes near the p99.9, the machine was too busy to say anything about the server.
   */
  readonly lateP999Us: number;
}

class LoadConnection {
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
  readonly #pid: number;
  readonly #connections: LoadConnection[] = [];
  #script: Script;
  #operations = 0;
  #onBatch: (connection: LoadConnection, batch: number) => void = () => {};
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => {};
  #next = 0;

  private constructor(pid: number, script: Script) {
    this.#pid = pid;
    this.#script = script;
  }

  /** Opens the connections. `pid` is the server's process, whose processor time is read. */
  static async open(
    address: Address,
    pid: number,
    connections: number,
    spaces: KeySpaces,
    script: Script,
    fullCheckEvery?: number,
  ): Promise<Target> {
    const target = new Target(pid, script);
    for (let i = 0; i < connections; i++) {
      const connection = new LoadConnection(new AnswerChecker(spaces, script, fullCheckEvery));
      const onBatch = (batch: number): void => {
        target.#operations += target.#script.operations[batch] ?? 0;
        target.#onBatch(connection, batch);
      };
      connection.socket = await openSocket(address, {
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
      target.#connections.push(connection);
    }
    return target;
  }

  close(): void {
    for (const connection of this.#connections) connection.socket?.close();
  }

  /** Operations since the last run began. */
  get operations(): number {
    return this.#operations;
  }

  /** Hits and misses so far. */
  counts(): { hits: number; misses: number; comparedInFull: number } {
    const sum = { hits: 0, misses: 0, comparedInFull: 0 };
    for (const { checker } of this.#connections) {
      sum.hits += checker.counts.hits;
      sum.misses += checker.counts.misses;
      sum.comparedInFull += checker.counts.comparedInFull;
    }
    return sum;
  }

  /** Sends every batch of a script once, over all connections, and waits for all answers. */
  async once(script: Script): Promise<void> {
    this.#use(script);
    let next = 0;
    this.#onBatch = (connection) => {
      if (next < script.batches) this.#send(connection, next++);
    };
    for (const connection of this.#connections) {
      if (next < script.batches) this.#send(connection, next++);
    }
    await this.#drained();
  }

  /** Drives the closed loop for `warmupSeconds` unmeasured and `seconds` measured. */
  async closedLoop(script: Script, warmupSeconds: number, seconds: number): Promise<ClosedLoopResult> {
    this.#use(script);
    let running = true;
    this.#onBatch = (connection) => {
      if (running) this.#sendNext(connection);
    };
    for (const connection of this.#connections) this.#sendNext(connection);
    await this.#pause(warmupSeconds * 1000);
    const before = this.#snapshot();
    await this.#pause(seconds * 1000);
    const after = this.#snapshot();
    running = false;
    await this.#drained();
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

  /**
   * Sends batches at a mean rate, with exponential gaps (as independent clients would), for `seconds`.
   * Waits by spinning: timers of a millisecond would be coarser than what is measured.
   */
  async openLoop(
    script: Script,
    ratePerSecond: number,
    warmupSeconds: number,
    seconds: number,
  ): Promise<OpenLoopResult> {
    this.#use(script);
    const histogram = new Histogram();
    const late = new Histogram();
    const random = seededRandom(0x0a11);
    const perBatch = script.operations.reduce((sum, count) => sum + count, 0) / script.batches;
    const gapMs = (1000 / ratePerSecond) * perBatch;
    const startMs = performance.now();
    const measureFromMs = startMs + warmupSeconds * 1000;
    const stopMs = measureFromMs + seconds * 1000;
    this.#onBatch = (connection) => {
      const due = connection.due[connection.dueHead++ % BATCHES_UNDER_WAY_MAX] ?? 0;
      if (due >= measureFromMs) histogram.record(performance.now() - due);
    };
    const before = this.#snapshot();
    let dueMs = startMs;
    let turn = 0;
    while (dueMs < stopMs) {
      const nowMs = performance.now();
      while (dueMs <= nowMs && dueMs < stopMs) {
        const connection = this.#connections[turn++ % this.#connections.length];
        if (connection === undefined) break;
        connection.due[connection.dueTail++ % BATCHES_UNDER_WAY_MAX] = dueMs;
        this.#sendNext(connection);
        if (dueMs >= measureFromMs) late.record(nowMs - dueMs);
        dueMs += -Math.log(1 - random()) * gapMs;
      }
      await new Promise(setImmediate);
      this.#check();
    }
    const after = this.#snapshot();
    await this.#drained();
    const operations = after.operations - before.operations;
    return {
      ...histogram.summary(),
      ratePerSecond: (operations / (after.ms - before.ms)) * 1000,
      serverCpuUs: (after.serverNs - before.serverNs) / 1000 / operations,
      lateP999Us: late.quantileUs(0.999),
    };
  }

  #use(script: Script): void {
    this.#check();
    this.#script = script;
    this.#next = 0;
    this.#operations = 0;
    for (const connection of this.#connections) {
      connection.checker.use(script);
      connection.dueHead = connection.dueTail = 0;
    }
  }

  #sendNext(connection: LoadConnection): void {
    this.#send(connection, this.#next);
    this.#next = (this.#next + 1) % this.#script.batches;
  }

  #send(connection: LoadConnection, batch: number): void {
    connection.checker.expect(batch);
    const bytes = this.#script.bytes[batch];
    if (bytes !== undefined) connection.socket?.write(bytes);
  }

  #snapshot(): { ms: number; operations: number; serverNs: number; loadUs: number; hits: number; misses: number } {
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

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits, but fails at once if a connection does. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onFailure = reject;
      if (this.#failure !== undefined) reject(this.#failure);
      setTimeout(resolve, ms);
    });
  }

  async #drained(): Promise<void> {
    let operations = this.#operations;
    let quietSinceMs = performance.now();
    while (this.#connections.some(({ checker }) => checker.underWay > 0)) {
      await this.#pause(1);
      // The time-out runs while nothing comes, so a long fill is not cut off.
      if (this.#operations !== operations) {
        operations = this.#operations;
        quietSinceMs = performance.now();
      }
      if (performance.now() - quietSinceMs > DRAIN_TIMEOUT_MS) {
        const open = this.#connections.filter(({ checker }) => checker.underWay > 0).length;
        throw new Error(`${open} connections still waited for answers after ${DRAIN_TIMEOUT_MS / 1000} s`);
      }
    }
  }
}
