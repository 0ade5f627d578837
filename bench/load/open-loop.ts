/**
 * The open loop: batches are sent when they are due, whether or not earlier ones were answered, and a latency counts from
 * when the batch was due. A server that stops for 10 ms so shows all the requests that the stop would have hit, not only
 * the ones that a polite client had under way (the mistake known as coordinated omission).
 *
 * It spins: timers of a millisecond would be coarser than what is measured.
 */
import { BATCHES_UNDER_WAY_MAX } from './checker.ts';
import { Histogram, type LatencySummary } from './histogram.ts';
import { ProcessorClock } from './processor-clock.ts';
import { seededRandom } from './random.ts';
import type { Script } from './script.ts';
import { StopWatch, type StopSummary } from './stops.ts';
import type { LoadConnection, Target } from './target.ts';
import type { Address, LoadTransport } from './transport.ts';

/** What to send. */
export interface OpenLoopPlan {
  readonly ratePerSecond: number;
  /** Not measured. */
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Something else that the server is asked on a connection of its own, seconds after the measured part began. */
  readonly aside?: { readonly afterSeconds: number; readonly request: string };
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
  readonly stops: StopSummary;
  /** Whether the server's processor time in stops is exact; else it is known up to a tick of the kernel's clock. */
  readonly exact: boolean;
}

export class OpenLoop {
  readonly #target: Target;
  readonly #transport: LoadTransport;
  readonly #plan: OpenLoopPlan;
  readonly #histogram = new Histogram();
  readonly #late = new Histogram();
  #sent = 0;
  #answered = 0;

  constructor(target: Target, transport: LoadTransport, plan: OpenLoopPlan) {
    this.#target = target;
    this.#transport = transport;
    this.#plan = plan;
  }

  /**
   * @param pid the server's process, whose processor time is read
   * @throws Error at the first wrong answer, or if more requests are unanswered than the script has
   */
  async run(script: Script, address: Address, pid: number): Promise<OpenLoopResult> {
    const target = this.#target;
    const clock = await ProcessorClock.open(pid);
    const aside = await this.#transport.open(address, { onData() {}, onLost() {} });
    const startMs = performance.now();
    const measureFromMs = startMs + this.#plan.warmupSeconds * 1000;
    target.begin(script, (connection) => this.#onAnswer(connection, measureFromMs));
    try {
      const before = target.snapshot();
      const watch = await this.#spin(script, clock, startMs, measureFromMs, aside.write.bind(aside));
      const after = target.snapshot();
      await target.drained();
      const operations = after.operations - before.operations;
      return {
        ...this.#histogram.summary(),
        ratePerSecond: (operations / (after.ms - before.ms)) * 1000,
        serverCpuUs: (after.serverNs - before.serverNs) / 1000 / operations,
        lateP999Us: this.#late.quantileUs(0.999),
        stops: watch.summary(),
        exact: clock.isExact,
      };
    } finally {
      aside.close();
      clock.close();
    }
  }

  #onAnswer(connection: LoadConnection, measureFromMs: number): void {
    this.#answered++;
    const due = connection.due[connection.dueHead++ % BATCHES_UNDER_WAY_MAX] ?? 0;
    if (due >= measureFromMs) this.#histogram.record(performance.now() - due);
  }

  /** Sends what is due, looks, takes what has come, again and again. */
  async #spin(
    script: Script,
    clock: ProcessorClock,
    startMs: number,
    measureFromMs: number,
    ask: (bytes: Uint8Array) => void,
  ): Promise<StopWatch> {
    const { ratePerSecond, seconds, aside } = this.#plan;
    const perBatch = script.operations.reduce((sum, count) => sum + count, 0) / script.batches;
    const gapMs = (1000 / ratePerSecond) * perBatch;
    const stopMs = measureFromMs + seconds * 1000;
    let askAtMs = aside === undefined ? Number.POSITIVE_INFINITY : measureFromMs + aside.afterSeconds * 1000;
    const random = seededRandom(0x0a11);
    let watch = new StopWatch(clock, startMs);
    let isMeasured = false;
    for (let dueMs = startMs; dueMs < stopMs;) {
      const nowMs = performance.now();
      if (!isMeasured && nowMs >= measureFromMs) {
        isMeasured = true;
        watch = new StopWatch(clock, nowMs);
      }
      for (; dueMs <= nowMs && dueMs < stopMs; dueMs += -Math.log(1 - random()) * gapMs) {
        this.#send(dueMs);
        if (dueMs >= measureFromMs) this.#late.record(nowMs - dueMs);
      }
      if (nowMs >= askAtMs) {
        askAtMs = Number.POSITIVE_INFINITY;
        ask(Buffer.from(aside?.request ?? ''));
      }
      if (this.#sent - this.#answered >= script.batches) throw new Error('the server is a whole script behind');
      watch.look(nowMs, this.#answered, this.#sent > this.#answered);
      const arriving = this.#transport.poll();
      if (arriving !== undefined) await arriving;
      this.#target.check();
    }
    return watch;
  }

  #send(dueMs: number): void {
    const { connections } = this.#target;
    const connection = connections[this.#sent++ % connections.length];
    if (connection === undefined) return;
    connection.due[connection.dueTail++ % BATCHES_UNDER_WAY_MAX] = dueMs;
    this.#target.sendNext(connection);
  }
}
