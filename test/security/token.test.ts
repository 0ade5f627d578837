/**
 * Who knows which secret, on a node as processes: a daemon and its sidecar know the token by which they know each other,
 * and cannot learn the one by which the fleet is changed.
 */
import { readFileSync } from 'node:fs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { deriveToken } from '../../src/base/token.ts';
import { Connection } from '../../src/client/wire/connection.ts';
import { until } from '../support/until.ts';
import { freePort, serve, serveCoordinator, type Served } from './http-support.ts';

const TOKEN = 'a-token-that-nobody-else-has';
const PAYLOAD = '7\ncache-1|10.0.0.1|11211\n';
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serveNode(env: Record<string, string>): Promise<{ node: Served; daemon: Connection }> {
  const [daemonPort, port] = [await freePort(), await freePort()];
  const listen = { MEMFLEET_SIDECAR_LISTEN: `127.0.0.1:${port}` };
  const node = await serve(['node', '-p', String(daemonPort), '-l', '127.0.0.1', '-vv'], port, { ...listen, ...env });
  const daemon = new Connection({ host: '127.0.0.1', port: daemonPort });
  // In order: its processes end with their supervisor.
  closers.push(async () => {
    node.child.kill('SIGTERM');
    await until('the node has ended', () => node.child.exitCode !== null, 60_000);
  });
  closers.push(() => daemon.close());
  await until('the daemon answers', async () => (await node.get('/readyz')).status === 200, 60_000);
  return { node, daemon };
}

/** The environments of the processes that a supervisor has started. */
function environments({ child }: Served): string[] {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  return children.map((pid) => readFileSync(`/proc/${pid}/environ`, 'latin1'));
}

async function setsConfig(daemon: Connection, token: string): Promise<boolean> {
  return daemon.configSet(PAYLOAD, token).then(
    () => true,
    () => false,
  );
}

test.each(['variable', 'file'])(
  'a node whose token is in a %s tells it neither to its daemon nor its sidecar',
  async (where) => {
    const folder = mkdtempSync(join(tmpdir(), 'memfleet-token-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'token');
    writeFileSync(path, `${TOKEN}\n`);
    const { node, daemon } = await serveNode(
      where === 'file' ? { MEMFLEET_TOKEN_FILE: path } : { MEMFLEET_TOKEN: TOKEN },
    );
    const all = environments(node);
    expect(all.length).toBe(2);
    for (const environment of all) {
      expect(environment).toContain(`MEMFLEET_CONFIG_TOKEN=${deriveToken(TOKEN, 'config')}`);
      expect(environment).not.toContain(TOKEN);
      expect(environment).not.toContain('MEMFLEET_TOKEN');
    }
    for (const wrong of [TOKEN, deriveToken(TOKEN, 'http'), deriveToken(TOKEN, 'topology')]) {
      expect(await setsConfig(daemon, wrong)).toBe(false);
    }
    expect(await setsConfig(daemon, deriveToken(TOKEN, 'config'))).toBe(true);
    expect(await daemon.configGet()).toBe(PAYLOAD);
  },
);

test('what a daemon knows changes nothing over HTTP', async () => {
  const coordinator = await serveCoordinator({ MEMFLEET_TOKEN: TOKEN });
  closers.push(coordinator.stop);
  await until('something is published', async () => (await coordinator.get('/readyz')).status === 200);
  const drain = async (token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    const url = `http://127.0.0.1:${coordinator.port}/v1/keys/k`;
    return (await fetch(url, { method: 'DELETE', headers })).status;
  };
  expect(await drain(deriveToken(TOKEN, 'config'))).toBe(401);
  // Permitted: what is left to go wrong is the node, which this coordinator only has in its list.
  expect([200, 502]).toContain(await drain(TOKEN));
  expect([200, 502]).toContain(await drain(deriveToken(TOKEN, 'http')));
});
