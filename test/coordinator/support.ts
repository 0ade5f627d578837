/** Stand-ins for what surrounds the coordinator: a source that says what the test says, and nodes without a network. */
import type { ManualClock } from '../../src/base/clock.ts';
import { FleetError } from '../../src/base/errors.ts';
import type {
  DiscoveryAdapter,
  DiscoverySink,
  LeftOut,
  ObservedNode,
} from '../../src/coordinator/discovery/adapter.ts';
import type { Prober, ProberFactory, Told } from '../../src/coordinator/health/prober.ts';

/** A node of which the test says only what matters. The last digit of the name is the last byte of the address. */
export function observedOf(name: string, given: Partial<ObservedNode> = {}): ObservedNode {
  const ip = `10.0.0.${/\d+$/.exec(name)?.[0] ?? '1'}`;
  const sidecar = `http://${ip}:9150`;
  return { name, host: name, ip, port: 11211, weight: 1, sidecar, hint: 'running', instance: name, ...given };
}

/** A source that the test speaks through. */
export class FakeSource implements DiscoveryAdapter {
  readonly name: string;
  lossy = false;
  closed = false;
  /** What the fleet says of the address that a host had. */
  remembered: ((host: string) => string | undefined) | undefined;
  #sink: DiscoverySink | undefined;

  constructor(name = 'fake') {
    this.name = name;
  }

  start(sink: DiscoverySink, remembered?: (host: string) => string | undefined): void {
    this.#sink = sink;
    this.remembered = remembered;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  observe(...nodes: ObservedNode[]): void {
    this.#sink?.observed(nodes);
  }

  /** Says what it lists and cannot use, beside these nodes. */
  leaveOut(leftOut: readonly LeftOut[], ...nodes: ObservedNode[]): void {
    this.#sink?.observed(nodes, leftOut);
  }

  lose(why = 'the source is away'): void {
    this.#sink?.lost(new FleetError('DISCOVERY_FAILED', why));
  }
}

/** Daemons without a network, by address. One that was never mentioned answers. */
export class FakeDaemons {
  /** Addresses (`ip`) that do not answer. */
  readonly silent = new Set<string>();
  /** Addresses that take no further connection, and the coordinator has none. */
  readonly full = new Set<string>();
  /** Addresses that answer but cannot be flushed. */
  readonly unflushable = new Set<string>();
  /** Addresses in the order in which they were flushed. */
  readonly flushed: string[] = [];
  /** What each address answers to `config get cluster`, and to `config get cluster-signature`. */
  readonly told = new Map<string, string>();
  readonly signatures = new Map<string, string>();
  /** Addresses whose sidecar says that the node drains. */
  readonly leaving = new Set<string>();
  /** Keys that each address holds. */
  readonly keys = new Map<string, Set<string>>();
  /** How often each address was probed. */
  readonly probes = new Map<string, number>();
  /** Open probers. */
  open = 0;
  stats = new Map([
    ['curr_items', '3'],
    ['cmd_get', '10'],
    ['version', '1.6.38'],
    ['rusage_user', '0.25'],
    ['huge', '18446744073709551615'],
  ]);

  #toldBy(ip: string): Told | undefined {
    const payload = this.told.get(ip);
    return payload === undefined ? undefined : { payload, signature: this.signatures.get(ip) ?? '' };
  }

  readonly factory: ProberFactory = ({ ip }): Prober => {
    this.open += 1;
    const answer = async <T>(value: T): Promise<T> => {
      if (this.silent.has(ip)) throw new FleetError('TIMEOUT', `${ip} is silent`);
      if (this.full.has(ip)) throw new FleetError('NODE_FULL', `${ip} is full`);
      return value;
    };
    return {
      probe: () => {
        this.probes.set(ip, (this.probes.get(ip) ?? 0) + 1);
        return answer('1.6.38');
      },
      flush: async () => {
        if (this.unflushable.has(ip)) throw new FleetError('SERVER', `${ip} does not flush`);
        await answer('');
        this.flushed.push(ip);
      },
      delete: (key) => answer(this.keys.get(ip)?.delete(key) ?? false),
      topology: async () => this.#toldBy(ip),
      isLeaving: async () => this.leaving.has(ip),
      stats: () => answer(this.stats),
      close: async () => {
        this.open -= 1;
      },
    };
  };
}

/** Lets everything happen that waits only for promises, file system calls not included. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time forward in small steps, letting happen what each of them causes. */
export async function pass(clock: ManualClock, byMs: number, stepMs = 10): Promise<void> {
  await settled();
  for (let passedMs = 0; passedMs < byMs; passedMs += stepMs) {
    clock.advance(Math.min(stepMs, byMs - passedMs));
    await settled();
  }
}
