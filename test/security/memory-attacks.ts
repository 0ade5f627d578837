/**
 * What a client without any right can do to a daemon's memory, one row for each: what is stored for it, and what each of
 * many connections sends and then neither ends nor reads. Used on processes (memory.test.ts) and on a container with its
 * limits (test/docker/hostile.test.ts); a new attack is a new row.
 */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request } from '../conformance/binary-packets.ts';
import { RawClient } from '../conformance/raw-client.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
/** Connections opened at once. */
const BATCH = 100;

export interface Attack {
  name: string;
  connections: number;
  /** Requests sent first, by one client that reads its answers. */
  prepare?: () => Iterable<Buffer>;
  /** What each connection sends. Shared among them where it can be, lest this process runs out of memory. */
  send: (index: number) => Buffer;
  /** Requests that one client sends while the others hold what they hold, and reads the answers to. */
  meanwhile?: () => Iterable<Buffer>;
  /** Once more shows whether something is left behind. */
  twice?: true;
  /** The real memcached withstands it, too. */
  memcachedHolds?: true;
}

function set(key: string, byteLength: number): Buffer {
  return Buffer.concat([
    Buffer.from(`set ${key} 0 0 ${byteLength}\r\n`),
    Buffer.alloc(byteLength, 'v'),
    Buffer.from('\r\n'),
  ]);
}

function* sets(count: number, byteLength: number, prefix: string): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield set(`${prefix}${i}`, byteLength);
}

function shared(text: string): () => Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return () => bytes;
}

/** Requests for keys of as many prefixes as are counted. */
function* prefixes(): Generator<Buffer> {
  yield Buffer.from('stats detail on\r\n');
  const rest = 'p'.repeat(100);
  for (let i = 0; i < 20_000; i += 100) {
    const keys = Array.from({ length: 100 }, (_, j) => `${i + j}${rest}:k`);
    yield Buffer.from(`get ${keys.join(' ')}\r\n`);
  }
}

export const ATTACKS: readonly Attack[] = [
  {
    name: 'lines without an end',
    connections: 300,
    send: shared(`get ${'k'.repeat(MEBIBYTE - 8)}`),
    twice: true,
  },
  {
    name: 'dumps that nobody reads',
    connections: 300,
    prepare: prefixes,
    send: shared('stats detail dump\r\n'),
    twice: true,
  },
  {
    name: 'large values that nobody reads',
    connections: 300,
    prepare: () => [set('large', MEBIBYTE - 200)],
    send: shared(`get${' large'.repeat(50)}\r\n`),
    twice: true,
    memcachedHolds: true,
  },
  {
    name: 'large values that nobody reads, by the meta and the binary protocol',
    connections: 300,
    prepare: () => [set('large', MEBIBYTE - 200)],
    send: (index) =>
      index % 2 === 0
        ? Buffer.from('mg large v k\r\n'.repeat(20))
        : Buffer.concat(Array.from({ length: 20 }, () => request(Opcode.GETK, { key: 'large' }))),
  },
  {
    name: 'values of middle size that nobody reads',
    connections: 300,
    prepare: () => sets(20, 12 * KIBIBYTE, 'middle'),
    send: shared(`get ${Array.from({ length: 1000 }, (_, i) => `middle${i % 20}`).join(' ')}\r\n`),
  },
  {
    name: 'values that nobody reads, and that are overwritten meanwhile',
    connections: 200,
    prepare: () => sets(30, MEBIBYTE - 200, 'moving'),
    send: (index) => Buffer.from(`get moving${index % 30}${` moving${index % 30}`.repeat(20)}\r\n`),
    meanwhile: () => sets(30, MEBIBYTE - 200, 'moving'),
  },
  {
    name: 'lists that nobody reads',
    connections: 300,
    prepare: () => sets(3000, 100, 'listed'),
    send: (index) => {
      const lists = ['stats conns', 'stats slabs', 'stats items', 'stats cachedump 3 0', 'lru_crawler metadump all'];
      return Buffer.from(`${lists[index % lists.length]}\r\n`.repeat(index % lists.length === 4 ? 1 : 50));
    },
  },
  {
    name: 'values that are sent by half',
    connections: 300,
    send: (index) => Buffer.concat([Buffer.from(`set half${index} 0 0 1000000\r\n`), HALF]),
  },
  {
    name: 'watchers that read nothing',
    connections: 20,
    prepare: () => [],
    send: shared('watch fetchers mutations evictions connevents\r\n'),
    meanwhile: function* () {
      const requests = Buffer.from('get nobody has this key\r\n'.repeat(2000));
      for (let i = 0; i < 20; i++) yield requests;
    },
  },
];

const HALF = Buffer.alloc(500_000, 'h');

function open(port: number, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Connections that send and do not read; {@link release} ends them. */
export class Attackers {
  readonly #sockets: Socket[] = [];

  /** Opens the connections and has each send its part; resolves when the system has taken all that it takes. */
  async strike(attack: Attack, port: number, host = '127.0.0.1'): Promise<void> {
    for (let at = 0; at < attack.connections; at += BATCH) {
      const count = Math.min(BATCH, attack.connections - at);
      const batch = await Promise.all(Array.from({ length: count }, () => open(port, host)));
      for (const [i, socket] of batch.entries()) {
        // Whoever is cut off has what it came for.
        socket.on('error', () => {});
        socket.pause();
        socket.write(attack.send(at + i));
        this.#sockets.push(socket);
      }
    }
  }

  /** Bytes that they would send if they could. */
  get unsentBytes(): number {
    return this.#sockets.reduce((sum, socket) => sum + (socket.destroyed ? 0 : socket.writableLength), 0);
  }

  release(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.length = 0;
  }
}

/** Sends requests one after the other, as a client that reads, and returns when all were answered. */
export async function carryOut(client: RawClient, requests: Iterable<Buffer>): Promise<void> {
  for (const bytes of requests) await client.send([bytes]);
  await client.send([Buffer.from('mn\r\n')]);
  await client.receiveUntil(Buffer.from('MN\r\n'));
}

/** Asks again and again, as somebody who is to be served meanwhile; each answer must come, and be right. */
export class Probe {
  /** How long each answer took, in milliseconds. */
  readonly tookMs: number[] = [];
  #ending = false;
  readonly #done: Promise<void>;

  constructor(client: RawClient) {
    this.#done = this.#run(client);
  }

  async #run(client: RawClient): Promise<void> {
    for (let i = 0; !this.#ending; i++) {
      const begin = performance.now();
      await client.send([Buffer.from(`set probe 0 0 6\r\n${String(i).padStart(6, '0')}\r\nget probe\r\n`)]);
      const answer = (await client.receiveUntil(Buffer.from('END\r\n'))).toString();
      if (answer !== `STORED\r\nVALUE probe 0 6\r\n${String(i).padStart(6, '0')}\r\nEND\r\n`) {
        throw new Error(`the probe was answered ${JSON.stringify(answer)}`);
      }
      this.tookMs.push(performance.now() - begin);
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
  }

  /** Ends it; fails if an answer did not come or was wrong. */
  async stop(): Promise<void> {
    this.#ending = true;
    await this.#done;
  }
}
