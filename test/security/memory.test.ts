/**
 * Clients that have the daemon hold memory for them, on both runtimes. Goal: what it takes beyond its items stays within
 * the budget for connections and a margin, others are served meanwhile, and the memory comes back: held bytes to nothing,
 * and a second round takes no more than the first. Method: real processes, whose resident memory is looked at all along;
 * the real memcached beside, where it withstands the same.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installedMemcached, ourDaemons, type ProcessKind, type ServerProcess } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';
import { ATTACKS, Attackers, Probe, carryOut, type Attack } from './memory-attacks.ts';

const MEBIBYTE = 1024 * 1024;
const FLAGS = ['-m', '128', '-I', '32m', '-c', '2048'];
/** The budget that follows from the flags. */
const LIMIT_BYTES = 64 * MEBIBYTE;
/**
 * What a process may take beyond: objects of a thousand connections, and garbage that waits for its collector, which both
 * runtimes let grow to about what is in use.
 */
const MARGIN_BYTES = 96 * MEBIBYTE;
/** Another round may take so much more than the one before: nothing is left behind each time. */
const ROUND_MARGIN_BYTES = 64 * MEBIBYTE;

const THIRTY_TWO: Attack = {
  name: 'values of 32 MB that nobody reads',
  connections: 60,
  prepare: () => [
    Buffer.concat([Buffer.from('set huge 0 0 33000000\r\n'), Buffer.alloc(33_000_000, 'h'), Buffer.from('\r\n')]),
  ],
  send: () => Buffer.from('get huge\r\n'),
  memcachedHolds: true,
};

/** Generous: on a busy machine it takes a while to take a gigabyte. */
const WAIT_MAX_MS = 60_000;

function* fill(): Generator<Buffer> {
  const value = Buffer.alloc(500_000, 'f');
  for (let i = 0; i < 300; i++) {
    yield Buffer.concat([Buffer.from(`set fill${i} 0 0 ${value.length} noreply\r\n`), value, Buffer.from('\r\n')]);
  }
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function stat(client: RawClient, name: string): Promise<number> {
  await client.send([Buffer.from('stats\r\n')]);
  const answer = (await client.receiveUntil(Buffer.from('END\r\n'))).toString();
  return Number(new RegExp(`STAT ${name} (\\S+)`).exec(answer)?.[1]);
}

/** Watches a process's resident memory; the most of it that was seen. */
class HighWater {
  bytes = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.bytes = residentBytes(pid);
    this.#timer = setInterval(() => (this.bytes = Math.max(this.bytes, residentBytes(pid))), 10);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function runSuite(kind: ProcessKind, attacks: readonly Attack[], isOurs: boolean): void {
  describe(kind.name, () => {
    let server: ServerProcess;
    let client: RawClient;

    beforeAll(async () => {
      server = await kind.start(FLAGS);
      client = await RawClient.connect(server.port);
      // What items take is no question here.
      await carryOut(client, fill());
    });

    afterAll(async () => {
      client?.destroy();
      await server?.stop();
    });

    /** One round of an attack; returns the most memory that the process had. */
    async function round(attack: Attack): Promise<number> {
      const attackers = new Attackers();
      const probe = new Probe(await RawClient.connect(server.port));
      const water = new HighWater(server.pid);
      try {
        await attackers.strike(attack, server.port);
        if (attack.meanwhile !== undefined) await carryOut(client, attack.meanwhile());
        // What is still on its way is paused, or waits in the system's buffers: it stays as it is.
        let unsent = -1;
        await until(
          'nothing moves',
          () => {
            const before = unsent;
            unsent = attackers.unsentBytes;
            return before === unsent && probe.tookMs.length > 10;
          },
          WAIT_MAX_MS,
        );
        await probe.stop();
        if (isOurs) expect(await stat(client, 'memfleet_conn_memory')).toBeLessThanOrEqual(LIMIT_BYTES);
      } finally {
        attackers.release();
        water.stop();
      }
      if (isOurs)
        await until('it holds nothing', async () => (await stat(client, 'memfleet_conn_memory')) === 0, WAIT_MAX_MS);
      return water.bytes;
    }

    test.each(attacks)('$name', async (attack) => {
      if (attack.prepare !== undefined) await carryOut(client, attack.prepare());
      const before = residentBytes(server.pid);
      const first = await round(attack);
      expect(first - before).toBeLessThan(LIMIT_BYTES + MARGIN_BYTES);
      if (attack.twice === true) expect((await round(attack)) - first).toBeLessThan(ROUND_MARGIN_BYTES);
    });
  });
}

const memcached = installedMemcached();
for (const kind of ourDaemons()) runSuite(kind, [...ATTACKS, THIRTY_TWO], true);
if (memcached !== undefined) {
  runSuite(
    memcached as ProcessKind,
    [...ATTACKS, THIRTY_TWO].filter(({ memcachedHolds }) => memcachedHolds === true),
    false,
  );
}
