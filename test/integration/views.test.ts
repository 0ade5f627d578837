/** The configurations for other software, read by that software. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { networkView, proxyConfig, twemproxyConfig } from '../../src/coordinator/views.ts';
import { describeWith } from '../support/requirements.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';

const run = promisify(execFile);
const view = networkView(
  documentOf([
    nodeOf({ name: 'cache-1', ip: '10.0.0.1' }),
    nodeOf({ name: 'cache-2', host: '127.0.0.1', ip: '127.0.0.1', port: 11_300, weight: 2 }),
    nodeOf({ name: `odd"'\\name`, host: '127.0.0.2', ip: '127.0.0.2' }),
  ]),
);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memfleet-views-'));
});
afterAll(() => rm(folder, { recursive: true }));

describeWith(['nutcracker'], 'twemproxy', () => {
  test('takes its configuration', async () => {
    const path = join(folder, 'twemproxy.yaml');
    await writeFile(path, twemproxyConfig(view));
    const { stderr } = await run('nutcracker', ['-t', '-c', path]);
    expect(stderr).toContain('syntax is ok');
  });
});

describeWith(['docker'], 'memcached’s own proxy', () => {
  test('takes its configuration', async () => {
    // It serves until it is ended; a configuration that it refuses ends it at once, with other words.
    const script = 'cat > /tmp/proxy.lua; timeout 2 memcached -v -o proxy_config=/tmp/proxy.lua';
    const args = ['run', '--rm', '-i', '--label', 'memfleet.test=views', '--entrypoint', 'sh', 'memcached:1.6'];
    const child = run('docker', [...args, '-c', script]);
    child.child.stdin?.end(proxyConfig(view));
    expect((await child.catch((error: { stderr: string }) => error)).stderr.trim()).toBe('Exiting normally');
  });
});

describeWith(['lua'], 'the proxy’s Lua', () => {
  test('compiles', async () => {
    const path = join(folder, 'proxy.lua');
    await writeFile(path, proxyConfig(view));
    const { stdout, stderr } = await run('luac5.4', ['-p', path]);
    expect([stdout, stderr]).toEqual(['', '']);
  });
});
