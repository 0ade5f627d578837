/**
 * The image alone, without compose. Goal: it can stand where the official memcached image stood (its flags, its user,
 * its port), runs with as few rights as compose.yaml gives it, and ends when it is told to.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connection } from '../../src/client/wire/connection.ts';
import { describeWith } from '../support/requirements.ts';
import { buildImage, docker, eventually, HARDENED, IMAGE, run } from './support.ts';

/** A connection to the daemon in a container, which answers. */
async function connect(container: string): Promise<Connection> {
  const host = await docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', container);
  const connection = new Connection({ host, port: 11_211, commandTimeoutMs: 30_000 });
  await eventually('the daemon answers', () => connection.version());
  return connection;
}

/** `starting`, `healthy` or `unhealthy`. */
function health(container: string): Promise<string> {
  return docker('inspect', '-f', '{{.State.Health.Status}}', container);
}

describeWith(['docker'], 'the image', () => {
  const started: string[] = [];

  /** Starts a container of the image in the background; gone after the test. */
  async function start(options: string[], ...command: string[]): Promise<string> {
    const id = await docker('run', '-d', ...HARDENED, ...options, IMAGE, ...command);
    started.push(id);
    return id;
  }

  beforeAll(async () => {
    await buildImage();
  });

  afterAll(async () => {
    if (started.length > 0) await docker('rm', '-f', ...started);
  });

  test("takes memcached's flags as its command, with or without a program's name before them", async () => {
    const limits: string[] = [];
    for (const command of [['-m', '256'], ['memcached', '-m', '100'], ['node', '-m', '99'], []]) {
      const connection = await connect(await start([], ...command));
      limits.push((await connection.stats()).get('limit_maxbytes') ?? '');
      await connection.close();
    }
    expect(limits).toEqual(['268435456', '104857600', '103809024', '67108864']);
  });

  test('runs as the user that the memcached image has, with nothing it may write to but its state folder', async () => {
    const script = `
      id -u; id -g; id -un
      touch /opt/memfleet/x /usr/local/bin/x /var/lib/x 2>/dev/null || echo refused
      touch /var/lib/memfleet/x && echo written
      grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status
    `;
    const options = ['run', '--rm', '--cap-drop', 'ALL', '--entrypoint', 'sh', IMAGE, '-c', script];
    const words = await docker(...options);
    expect(words.split(/\s+/)).toEqual([
      '11211',
      '11211',
      'memcache',
      'refused',
      'written',
      'CapPrm:',
      '0000000000000000',
      'CapEff:',
      '0000000000000000',
      'CapBnd:',
      '0000000000000000',
    ]);
  });

  test('has one Node, no sources and no development tools', async () => {
    const script = 'ls; ls node_modules/.bin | grep -cE "^(node|tsc|vitest)$"; ls -d src test node_modules/typescript';
    const { stdout } = await run('docker', ['run', '--rm', '--entrypoint', 'sh', IMAGE, '-c', script]);
    expect(stdout.trim().split('\n')).toEqual([
      'LICENSE',
      'bin',
      'dist',
      'docker',
      'node_modules',
      'package.json',
      '0',
    ]);
  });

  test('has no package manager, no perl, and no program with the set-uid bit', async () => {
    const script = `
      for name in npm npx corepack yarn apt apt-get dpkg perl bash mount su passwd; do
        ! command -v $name || echo "there is $name"
      done
      ls /usr/local/lib/node_modules 2>/dev/null
      stat -c '%A %n' /usr/bin/* /usr/sbin/* /usr/local/bin/* /usr/lib/*/* | grep -E '^-[rwx-]*[sS]'
      grep -c '^Package: ' /var/lib/dpkg/status
    `;
    const words = await docker('run', '--rm', '--entrypoint', 'sh', IMAGE, '-c', script);
    expect(Number(words)).toBeGreaterThan(5);
    const bytes = Number(await docker('image', 'inspect', '-f', '{{.Size}}', IMAGE));
    console.log(`the image: ${Math.round(bytes / 1e6)} MB`);
  });

  test('says in one line what is wrong with a flag, and ends', async () => {
    for (const command of [['-m', 'lots'], ['--no-such-flag'], ['no-such-command'], ['coordinator', '--listen', 'x']]) {
      const { code, stderr } = await run('docker', ['run', '--rm', ...HARDENED, IMAGE, ...command]);
      expect([code, stderr.trim().split('\n')], command.join(' ')).toEqual([64, [expect.stringMatching(/\S/)]]);
    }
  });

  test('is healthy once its daemon answers, and unhealthy when the daemon no longer does', async () => {
    const id = await start(['--health-interval', '1s', '--health-retries', '1', '--health-start-period', '0s']);
    await eventually('healthy', async () => ((await health(id)) === 'healthy' ? true : undefined));
    // A daemon that is there but stands still: only a question can tell.
    await docker(
      'exec',
      id,
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do grep -qzx daemon $p/cmdline && kill -STOP ${p#/proc/}; done; true',
    );
    await eventually('unhealthy', async () => ((await health(id)) === 'unhealthy' ? true : undefined));
  });

  test('a coordinator is healthy too', async () => {
    const id = await start(
      ['-e', 'MEMFLEET_DISCOVER=static'],
      'coordinator',
      '--nodes',
      'cache-1=127.0.0.1:11211=http://127.0.0.1:9150',
    );
    await eventually('healthy', async () => ((await health(id)) === 'healthy' ? true : undefined));
  });

  test('ends with 0 when it is stopped, also with clients connected', async () => {
    const id = await start([]);
    const connection = await connect(id);
    await docker('stop', '-t', '20', id);
    expect(await docker('inspect', '-f', '{{.State.ExitCode}} {{.State.OOMKilled}}', id)).toBe('0 false');
    await connection.close();
  });

  test('stays within the memory that compose.yaml gives it, full of small items', async () => {
    const id = await start([], '-m', '64');
    const connection = await connect(id);
    const value = Buffer.alloc(8, 'x');
    const total = 1_200_000;
    for (let first = 0; first < total; first += 2_000) {
      await Promise.all(Array.from({ length: 2_000 }, (_, index) => connection.set(`key:${first + index}`, value)));
    }
    const stats = await connection.stats();
    await connection.close();
    expect(Number(stats.get('evictions'))).toBeGreaterThan(0);
    expect(await docker('inspect', '-f', '{{.State.OOMKilled}} {{.RestartCount}}', id)).toBe('false 0');
    const used = await docker('stats', '--no-stream', '--format', '{{.MemUsage}}', id);
    console.log(`-m 64, ${stats.get('curr_items')} items: ${used}`);
  });
});
