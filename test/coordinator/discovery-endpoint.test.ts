/**
 * The auto-discovery endpoint over real sockets: the rules that clients need, byte for byte, and hostile input.
 * The rules are those of ElastiCache's protocol as its clients implement it.
 */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/base/clock.ts';
import { silentLogger, type Logger } from '../../src/base/log.ts';
import { MEMCACHED_VERSION } from '../../src/base/memcached.ts';
import { DiscoveryEndpoint } from '../../src/coordinator/discovery-endpoint.ts';
import { LineReader } from '../../src/coordinator/line-reader.ts';
import {
  DISCOVERY_ANSWER_MS,
  DISCOVERY_IDLE_MS,
  DISCOVERY_LINE_BYTES_MAX,
  DISCOVERY_LINE_MS,
  DISCOVERY_LINGER_MS,
} from '../../src/coordinator/limits.ts';
import { Publisher } from '../../src/coordinator/publisher.ts';
import type { TopologyNode } from '../../src/topology/document.ts';
import { until } from '../support/until.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';

const PAYLOAD = '7\ncache-1|10.0.0.1|11211 cache-2|10.0.0.2|11211\n';
const CONFIG = `CONFIG cluster 0 48\r\n${PAYLOAD}\r\nEND\r\n`;
const TWO = [nodeOf({ name: 'cache-1', ip: '10.0.0.1' }), nodeOf({ name: 'cache-2', ip: '10.0.0.2' })];

let endpoint: DiscoveryEndpoint;
let publisher: Publisher;
let port: number;
let warnings: string[];
const clients: Client[] = [];

async function start(settings: { connectionsMax?: number; clock?: ManualClock } = {}): Promise<void> {
  publisher = new Publisher(10);
  warnings = [];
  const warn = (_fields: object, text: string): unknown => warnings.push(text);
  const log = { ...silentLogger, warn } as unknown as Logger;
  endpoint = new DiscoveryEndpoint({ publisher, clock: systemClock, log, pid: 42, ...settings });
  port = await endpoint.listen({ host: '127.0.0.1', port: 0 });
}

function publish(nodes: TopologyNode[], version = 7): void {
  publisher.publish(documentOf(nodes, { version }));
}

beforeEach(() => start());
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await endpoint.close();
});

/** A client that keeps what it was sent, in the chunks in which it came. */
class Client {
  readonly chunks: string[] = [];
  closed = false;
  readonly socket: Socket;

  constructor() {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => this.chunks.push(chunk.toString('latin1')));
    this.socket.on('close', () => {
      this.closed = true;
    });
    clients.push(this);
  }

  get text(): string {
    return this.chunks.join('');
  }

  /** Sends and waits for exactly this answer. */
  async expects(sent: string | Buffer, answer: string): Promise<void> {
    const before = this.text.length;
    this.socket.write(sent);
    await until(JSON.stringify(answer), () => this.text.length >= before + answer.length || this.closed);
    expect(this.text.slice(before)).toBe(answer);
  }
}

describe('config get cluster', () => {
  test('has the version and the active nodes, both lines ended by LF and counted, flags 0', async () => {
    publish([...TWO, nodeOf({ name: 'cache-3', state: 'draining' })]);
    await new Client().expects('config get cluster\r\n', CONFIG);
  });

  test('is understood with spaces at its end (php) and without CR', async () => {
    publish(TWO);
    const client = new Client();
    for (const line of ['config get cluster \r\n', 'config get cluster   \r\n', 'config get cluster\n']) {
      await client.expects(line, CONFIG);
    }
  });

  test('comes in one piece (pymemcache), also when many are asked at once', async () => {
    publish(
      Array.from({ length: 90 }, (_, index) => nodeOf({ name: `memfleet-cache-${index}`, ip: `10.0.1.${index}` })),
    );
    const client = new Client();
    client.socket.write('config get cluster\r\n');
    await until('an answer', () => client.chunks.length > 0);
    expect(client.chunks[0]).toMatch(/^CONFIG cluster 0 \d+\r\n7\n[^\n]+\n\r\nEND\r\n$/);
    expect(client.chunks[0]?.length).toBeLessThan(4096);
  });

  test('has the address of a node whose host some clients could not read', async () => {
    publish([nodeOf({ name: 'cache_1', ip: '10.0.0.1' }), nodeOf({ name: 'cache-2', ip: '2001:db8::2' })]);
    const answer = 'CONFIG cluster 0 26\r\n7\n10.0.0.1|10.0.0.1|11211\n\r\nEND\r\n';
    await new Client().expects('config get cluster\r\n', answer);
  });

  test('is an error before there is a topology: nobody knows yet whether there are nodes', async () => {
    const client = new Client();
    const notYet = 'SERVER_ERROR the nodes are not known yet\r\n';
    await client.expects('config get cluster\r\nget AmazonElastiCache:cluster\r\n', notYet + notYet);
    await client.expects('config get other\r\n', 'END\r\n');
    publish(TWO);
    await client.expects('config get cluster\r\n', CONFIG);
  });

  test('is END while no node is active: an empty list makes clients throw', async () => {
    const client = new Client();
    publish([nodeOf({ name: 'cache-1', state: 'joining' })]);
    await client.expects('config get cluster\r\n', 'END\r\n');
    await client.expects('get AmazonElastiCache:cluster\r\n', 'END\r\n');
  });

  test('has the nodes with IPv6 alone where the fleet tells them, without brackets', async () => {
    const nodes = [
      nodeOf({ name: 'cache-1', ip: '2001:db8::1' }),
      nodeOf({ name: 'cache-2', ip: '10.0.0.2' }),
      nodeOf({ name: 'cache-3', host: '::1', ip: '::1', port: 31221 }),
    ];
    publisher.publish(documentOf(nodes, { version: 7, ipDiscovery: 'ipv6' }));
    const list = 'cache-1|2001:db8::1|11211 cache-2|10.0.0.2|11211 ::1|::1|31221';
    await new Client().expects('config get cluster\r\n', `CONFIG cluster 0 65\r\n7\n${list}\n\r\nEND\r\n`);
  });

  test('says in its statistics and once in the log why it is empty', async () => {
    publish([nodeOf({ name: 'cache-1', ip: '2001:db8::1' }), nodeOf({ name: 'cache-2', ip: '2001:db8::2' })]);
    const client = new Client();
    await client.expects('config get cluster\r\nconfig get cluster\r\n', 'END\r\nEND\r\n');
    expect(warnings).toEqual([expect.stringMatching(/^auto-discovery is empty: no node has an IPv4 address/)]);
    client.socket.write('stats\r\n');
    await until('stats', () => client.text.includes('STAT'));
    await until('the end of stats', () => client.text.endsWith('END\r\n'));
    expect(client.text).toMatch(/\r\nSTAT topology_nodes 2\r\nSTAT topology_nodes_untold 2\r\n/);
  });

  test('follows the topology', async () => {
    publish(TWO);
    const client = new Client();
    await client.expects('config get cluster\r\n', CONFIG);
    publish(TWO.slice(0, 1), 2_000_000_000);
    await client.expects(
      'config get cluster\r\n',
      'CONFIG cluster 0 34\r\n2000000000\ncache-1|10.0.0.1|11211\n\r\nEND\r\n',
    );
  });

  test('of anything else is END', async () => {
    publish(TWO);
    await new Client().expects('config get other\r\nconfig get Cluster\r\n', 'END\r\nEND\r\n');
  });
});

test('get AmazonElastiCache:cluster gives the same as an item, for engines of old', async () => {
  publish(TWO);
  const answer = `VALUE AmazonElastiCache:cluster 0 48\r\n${PAYLOAD}\r\nEND\r\n`;
  await new Client().expects('get AmazonElastiCache:cluster\r\ngets AmazonElastiCache:cluster \r\n', answer + answer);
});

test('version and stats have digits only where clients parse them (.NET, npm memcached)', async () => {
  publish(TWO);
  const client = new Client();
  expect(MEMCACHED_VERSION).toMatch(/^1\.6\.\d+$/);
  await client.expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
  client.socket.write('stats\r\n');
  await until('stats', () => client.text.endsWith('END\r\n'));
  expect(client.text).toMatch(/\r\nSTAT version 1\.6\.\d+\r\n/);
  expect(client.text).toMatch(/\r\nSTAT pid 42\r\n/);
  expect(client.text).toMatch(/\r\nSTAT curr_connections 1\r\n/);
  expect(client.text).toMatch(/\r\nSTAT topology_version 7\r\n/);
});

test('quit closes the connection, and what comes after it is not answered', async () => {
  const client = new Client();
  await client.expects('version\r\nquit\r\nversion\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
  await until('the end', () => client.closed);
  expect(client.text).toBe(`VERSION ${MEMCACHED_VERSION}\r\n`);
});

test.each([
  'get key',
  'get',
  'get a AmazonElastiCache:cluster',
  'set AmazonElastiCache:cluster 0 0 1',
  'config',
  'config get',
  'config get cluster cluster',
  'config set cluster 0 5',
  'config delete cluster',
  'flush_all',
  'stats items',
  'CONFIG GET CLUSTER',
  'GET / HTTP/1.1',
  '',
])('%j is an ERROR: this is no cache, and nothing can be changed', async (line) => {
  publish(TWO);
  await new Client().expects(`${line}\r\nconfig get cluster\r\n`, `ERROR\r\n${CONFIG}`);
});

function readerInto(answers: string[], goesOn = true): LineReader {
  return new LineReader(
    (line) => `<${line}>`,
    (answer) => {
      answers.push(String(answer));
      return goesOn;
    },
  );
}

describe('bytes cut anywhere', () => {
  const session = Buffer.from('config get cluster \r\nversion\r\nwhat\r\nget AmazonElastiCache:cluster\r\n');
  const whole: string[] = [];
  readerInto(whole).take(session);

  test('are the same lines', () => {
    expect(whole).toEqual(['<config get cluster >', '<version>', '<what>', '<get AmazonElastiCache:cluster>']);
    for (let cut = 0; cut <= session.length; cut += 1) {
      const answers: string[] = [];
      const reader = readerInto(answers);
      reader.take(session.subarray(0, cut));
      reader.take(session.subarray(cut));
      expect([answers, reader.isOpen, reader.isInLine]).toEqual([whole, true, false]);
    }
    const answers: string[] = [];
    const reader = readerInto(answers);
    for (const byte of session) reader.take(Buffer.of(byte));
    expect(answers).toEqual(whole);
  });

  test('wait, one answer at a time, for who does not take them', () => {
    const answers: string[] = [];
    const reader = readerInto(answers, false);
    reader.take(session);
    for (let count = 1; count <= whole.length; count += 1) {
      expect([answers.length, reader.isWaiting, reader.isInLine]).toEqual([count, true, count < whole.length]);
      expect(reader.goOn()).toBe(count < whole.length);
    }
    expect([answers, reader.isWaiting]).toEqual([whole, false]);
  });
});

describe('a client that', () => {
  test('sends a line without an end is told so and closed', async () => {
    const client = new Client();
    client.socket.write('x'.repeat(DISCOVERY_LINE_BYTES_MAX));
    await client.expects('x', 'CLIENT_ERROR line too long\r\n');
    await until('the end', () => client.closed);
  });

  test('speaks the binary protocol is closed at once', async () => {
    const client = new Client();
    client.socket.write(Buffer.from([0x80, 0x60, 0, 7]));
    await until('the end', () => client.closed);
    expect(client.text).toBe('');
  });

  test.each([
    ['asks nothing for long', 'version\r\n', DISCOVERY_IDLE_MS],
    ['sends half a line', 'version\r\nconfig get', DISCOVERY_LINE_MS],
  ])('%s is closed', async (_what, sent, limitMs) => {
    const clock = new ManualClock();
    await endpoint.close();
    await start({ clock });
    const client = new Client();
    await client.expects(sent, `VERSION ${MEMCACHED_VERSION}\r\n`);
    clock.advance(limitMs - 1);
    expect(endpoint.connectionCount).toBe(1);
    clock.advance(1);
    await until('the end', () => client.closed);
    expect(endpoint.connectionCount).toBe(0);
  });

  test('has been idle for longest makes room for one too many', async () => {
    const clock = new ManualClock();
    await endpoint.close();
    await start({ connectionsMax: 2, clock });
    const [one, two] = [new Client(), new Client()];
    await one.expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
    await two.expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
    clock.advance(1);
    await one.expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
    await new Client().expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
    await until('the end', () => two.closed);
    expect([one.closed, endpoint.connectionCount]).toEqual([false, 2]);
  });

  test('asks much at once, and reads, has all its answers', async () => {
    publish(TWO);
    const client = new Client();
    client.socket.write('config get cluster\r\n'.repeat(50_000));
    await until('all of them', () => client.text.length >= 50_000 * CONFIG.length);
    expect(client.text).toBe(CONFIG.repeat(50_000));
  });

  test('asks without ever reading is answered no further, and cut off; meanwhile one too many is told so', async () => {
    const clock = new ManualClock();
    await endpoint.close();
    await start({ connectionsMax: 1, clock });
    publish(Array.from({ length: 200 }, (_, index) => nodeOf({ name: `cache-${index}`, ip: '10.0.0.1' })));
    const greedy = new Client();
    await greedy.expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
    greedy.socket.pause();
    greedy.socket.write('config get cluster\r\n'.repeat(100_000));
    const refused: Client[] = [];
    await until('it has as much as its socket takes', async () => {
      clock.advance(1);
      const next = new Client();
      refused.push(next);
      next.socket.write('version\r\n');
      await until('an answer', () => next.text !== '' || next.closed);
      return next.text.startsWith('ERROR Too many open connections');
    });
    // They keep their ends open, and are cut off all the same.
    clock.advance(DISCOVERY_LINGER_MS);
    await until('the refused are gone', () => endpoint.connectionCount === 1 && refused.every(({ closed }) => closed));
    clock.advance(DISCOVERY_ANSWER_MS);
    await until('it is cut off', () => endpoint.connectionCount === 0);
  });
});

test('closing ends every connection, and an endpoint that never listened closes too', async () => {
  const client = new Client();
  await client.expects('version\r\n', `VERSION ${MEMCACHED_VERSION}\r\n`);
  await endpoint.close();
  await until('the end', () => client.closed);
  await new DiscoveryEndpoint({ publisher, clock: systemClock, log: silentLogger, pid: 1 }).close();
});
