/**
 * The local fleet from the outside: `memfleet up` as a user starts it, used by our client, by the command line and by
 * python-memcached, and ended in every way.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFleet } from '../../src/client/index.ts';
import { allFree, freePorts, isAlive, LocalFleet, MEMFLEET, portFlags, run, type Ran } from '../support/local-fleet.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

const KEY_COUNT = 5_000;
const PYTHON = '/usr/bin/python3';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

/** Waits until the coordinator has so many nodes on the ring. */
function untilActive(fleet: LocalFleet, count: number): Promise<void> {
  return until(`${count} active nodes`, async () => {
    const response = await fetch(`${fleet.url}/v1/topology`);
    const { nodes } = (await response.json()) as { nodes: { state: string }[] };
    return nodes.filter((node) => node.state === 'active').length === count;
  });
}

/** The seconds of the ten runs in the line that squares prints. */
function durations(line: string): number[] {
  const match = /^Ten successive runs:((?: \d+\.\d\ds){10})\n$/.exec(line);
  expect(match, line).not.toBeNull();
  return (match?.[1] ?? '').trim().split(' ').map(Number.parseFloat);
}

/** The time goes down as the cache fills: the last run takes less than a third of the first. */
function expectFaster(line: string): void {
  const seconds = durations(line);
  expect((seconds.at(-1) ?? 0) / (seconds[0] ?? 0), line).toBeLessThan(1 / 3);
}

describe('a local fleet of four', () => {
  let fleet: LocalFleet;
  const memfleet = (...args: string[]): Promise<Ran> => run(MEMFLEET, [...args, '--fleet', fleet.url]);

  beforeAll(async () => {
    fleet = await LocalFleet.start(4, ['-m', '96', '-I', '2m']);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  test('says where everything is and that it is ready, and is otherwise quiet', () => {
    const lines = fleet.stdout.split('\n');
    expect(lines).toHaveLength(8);
    expect(lines[1]).toMatch(/^node-1 +127\.0\.0\.1:\d+ +http:\/\/127\.0\.0\.1:\d+$/);
    expect(lines[6]).toMatch(/^ready: 4 nodes in \d+\.\d s, Ctrl-C ends them$/);
    expect(fleet.stderr).toBe('');
  });

  test('our client writes and reads 5,000 keys, and each node has its share', async () => {
    await using client = createFleet({ coordinator: fleet.url });
    const keys = Array.from({ length: KEY_COUNT }, (_, index) => `local:${index}`);
    const stored = await Promise.all(keys.map((key, index) => client.set(key, index)));
    expect(stored.every(Boolean)).toBe(true);
    const found = await client.getMany<number>(keys);
    expect(keys.filter((key, index) => found.get(key) !== index)).toEqual([]);
    const items = [...(await client.stats()).values()].map((stats) => Number(stats?.get('curr_items')));
    expect(items).toHaveLength(4);
    for (const count of items) expect(count).toBeGreaterThan(KEY_COUNT / 8);
  });

  test("memcached's flags reach every daemon", async () => {
    const { stdout } = await memfleet('stats', 'node-3', 'settings', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ maxbytes: 96 * 1024 * 1024, item_size_max: 2 * 1024 * 1024 });
  });

  test('every daemon answers config get cluster, and so does the discovery port', async () => {
    const { Connection } = await import('../../src/client/wire/connection.ts');
    for (const port of [fleet.ports.discovery, fleet.ports.daemon, fleet.ports.daemon + 3]) {
      const connection = new Connection({ host: '127.0.0.1', port });
      await until(`a payload from ${port}`, async () => {
        const payload = await connection.configGet();
        return payload?.split('\n')[1]?.split(' ').length === 4;
      });
      await connection.close();
    }
  });

  test('the command line stores, reads, counts and removes', async () => {
    expect(await memfleet('set', 'cli', 'a value')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await memfleet('get', 'cli')).toEqual({ code: 0, stdout: 'a value', stderr: '' });
    expect((await run(MEMFLEET, ['set', 'cli', '-', '--fleet', fleet.url], '41')).code).toBe(0);
    expect(await memfleet('incr', 'cli')).toMatchObject({ code: 0, stdout: '42\n' });
    expect(await memfleet('incr', 'cli', '58')).toMatchObject({ code: 0, stdout: '100\n' });
    expect((await memfleet('delete', 'cli')).code).toBe(0);
    for (const command of ['get', 'delete', 'incr']) {
      expect(await memfleet(command, 'cli')).toEqual({ code: 1, stdout: '', stderr: '' });
    }
  });

  test('the command line shows nodes, statistics and owners', async () => {
    const nodes = await memfleet('nodes');
    expect(nodes.stdout.match(/^node-[1-4] +active /gm)).toHaveLength(4);
    const stats = await memfleet('stats');
    expect(stats.stdout.match(/^node-[1-4] +active +\d+ /gm)).toHaveLength(4);
    const owner = await memfleet('owner', 'local:1');
    const coordinators = await fetch(`${fleet.url}/v1/owner?key=local:1`);
    const { node } = (await coordinators.json()) as { node: { name: string; port: number } };
    expect(owner.stdout).toBe(`${node.name} 127.0.0.1:${node.port}\n`);
    expect(await memfleet('stats', 'node-9')).toMatchObject({ code: 64, stdout: '' });
    expect((await memfleet('nodes', '--json')).stdout).toContain('"name": "node-4"');
  });

  test('the command line describes an item', async () => {
    expect(await memfleet('inspect', 'described')).toEqual({ code: 1, stdout: '', stderr: '' });
    await memfleet('set', 'described', 'hello');
    const { code, stdout } = await memfleet('inspect', 'described');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^node {5}node-[1-4] 127\.0\.0\.1:\d+\nsize {5}5 bytes\nflags {4}0\ncas {6}\d+\nexpires {2}never\nused {5}\d+ s ago, never read\n$/,
    );
    await memfleet('get', 'described');
    const described = JSON.parse((await memfleet('inspect', 'described', '--json')).stdout) as Record<string, unknown>;
    expect(described).toMatchObject({ valueBytes: 5, flags: 0, ttl: null, wasRead: true });
  });

  test('what a command cannot do is one line and a code', async () => {
    const cases: [string[], number, RegExp][] = [
      [['get', 'no good key', '--fleet', fleet.url], 64, /^memfleet get: .*key.*\n$/],
      [['get'], 64, /^memfleet get: needs KEY\n$/],
      [['nodes', '--fleet', 'http://127.0.0.1:1'], 69, /^memfleet nodes: .*127\.0\.0\.1:1.*\n$/],
      [['get', 'x', '--fleet', 'http://127.0.0.1:1'], 69, /^memfleet get: .*127\.0\.0\.1:1.*\n$/],
      [['statz'], 64, /^memfleet: unknown command "statz"; did you mean stats\? .*\n$/],
      [['up', '--nodes', '0'], 64, /^memfleet up: --nodes: .*\n$/],
      [['up', '-p', '1'], 64, /^memfleet up: -p cannot be used here.*\n$/],
    ];
    for (const [args, code, line] of cases) {
      const ran = await run(MEMFLEET, args);
      expect(ran).toMatchObject({ code, stdout: '' });
      expect(ran.stderr).toMatch(line);
    }
  });

  test('squares become faster as the cache fills', async () => {
    expectFaster((await memfleet('squares')).stdout);
  });

  describeWith(['pythonMemcache'], 'python-memcached, by the server list', () => {
    test('writes and reads 5,000 keys', async () => {
      const program = [
        'import memcache, sys, urllib.request',
        'servers = urllib.request.urlopen(sys.argv[1] + "/v1/topology/servers.txt").read().decode().split()',
        'cache = memcache.Client(servers)',
        `numbers = range(${KEY_COUNT})`,
        'assert all(cache.set("python:%d" % n, n * n) for n in numbers)',
        'wrong = [n for n in numbers if cache.get("python:%d" % n) != n * n]',
        'print(len(servers), len(wrong))',
      ].join('\n');
      expect(await run(PYTHON, ['-c', program, fleet.url])).toEqual({ code: 0, stdout: '4 0\n', stderr: '' });
    });

    test('squares in Python become faster too', async () => {
      expectFaster((await run(PYTHON, [example('squares.py'), '--fleet', fleet.url])).stdout);
    });
  });

  test('a daemon that is killed turns its keys into misses, and is started again', async () => {
    await using client = createFleet({ coordinator: fleet.url });
    const keys = Array.from({ length: 200 }, (_, index) => `killed:${index}`);
    await Promise.all(keys.map((key) => client.set(key, 'here')));
    const lost: string[] = [];
    for (const key of keys) if ((await client.owner(key))?.name === 'node-2') lost.push(key);
    expect(lost.length).toBeGreaterThan(0);
    process.kill(fleet.daemonPid(2), 'SIGKILL');
    const found = await client.getMany<string>(keys);
    expect(keys.filter((key) => !found.has(key))).toEqual(lost);
    await until('the death to be told', () => fleet.stderr.includes('daemon node-2 (pid '));
    await until('the node to answer again', async () => {
      const [key = ''] = lost;
      return (await client.set(key, 'again')) && (await client.get(key)) === 'again';
    });
    await untilActive(fleet, 4);
  });
});

describe('the end of a local fleet', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends all of it with 0', async (signal) => {
    const fleet = await LocalFleet.start(2);
    const children = fleet.children();
    expect(children).toHaveLength(5);
    expect(await fleet.end(signal)).toEqual({ code: 0, signal: null });
    expect(children.filter(isAlive)).toEqual([]);
    expect(await fleet.portsFree()).toBe(true);
    expect(fleet.stderr).toBe('');
  });

  test('a fleet whose supervisor is killed ends by itself', async () => {
    const fleet = await LocalFleet.start(2);
    const children = fleet.children();
    await fleet.end('SIGKILL');
    await until('the children to be gone', () => children.every((pid) => !isAlive(pid)));
    await until('the ports to be free', () => fleet.portsFree());
  });

  test('a fleet that npm started ends when npm is told to, though its shell passes no signal on', async () => {
    const ports = await freePorts(1);
    const npm = spawn('npm', ['start', '--', '--nodes', '1', ...portFlags(ports)], { cwd: ROOT, stdio: 'pipe' });
    let output = '';
    npm.stdout.on('data', (data: Buffer) => (output += data.toString()));
    await until('the fleet to be ready', () => output.includes('ready: 1 node in '), 90_000);
    npm.kill('SIGTERM');
    await until('the ports to be free', () => allFree(ports.daemon, ports.discovery));
  });

  test('a port that is taken is named in one line, and nothing is left running', async () => {
    const ports = await freePorts(2);
    const squatter = createServer().listen(ports.daemon + 1, '127.0.0.1');
    await once(squatter, 'listening');
    const ran = await run(MEMFLEET, ['up', '--nodes', '2', ...portFlags(ports)]);
    expect(ran).toEqual({ code: 71, stdout: '', stderr: `memfleet up: 127.0.0.1:${ports.daemon + 1} is in use\n` });
    squatter.close();
    await once(squatter, 'close');
    expect(await allFree(ports.daemon, ports.discovery)).toBe(true);
  });

  test('flags that a daemon does not take end the start', async () => {
    const ports = await freePorts(1);
    const ran = await run(MEMFLEET, ['up', '--nodes', '1', ...portFlags(ports), '-m', 'much']);
    expect(ran.code).toBe(64);
    expect(ran.stdout).toBe('');
    expect(await allFree(ports.daemon, ports.discovery)).toBe(true);
  });
});
