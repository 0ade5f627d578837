/** Commands to the whole fleet, over HTTP: what they do at which node, what they are told when they cannot. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { startApp, type AppSettings, type AppWorld } from './http/app-support.ts';
import { observedOf } from './support.ts';

const TOKEN = 'the-token-of-this-test';
const headers = { authorization: `Bearer ${TOKEN}` };

async function running(settings: AppSettings = {}): Promise<AppWorld> {
  const world = await startApp({ token: TOKEN, ...settings });
  world.source.observe(observedOf('cache-1'), observedOf('cache-2'), observedOf('cache-3', { hint: 'leaving' }));
  await until('two nodes', () => activeCount(world) === 2);
  world.daemons.flushed.length = 0;
  return world;
}

function activeCount({ publisher }: AppWorld): number {
  return publisher.current?.document.nodes.filter(({ state }) => state === 'active').length ?? 0;
}

interface Outcomes {
  endedAt: string | null;
  cancelled: boolean;
  deleted: string[];
  nodes: { node: string; outcome: string }[];
}

const at = ({ nodes }: Outcomes): string[] => nodes.map(({ node, outcome }) => `${node} ${outcome}`);

describe('POST /v1/fleet/flush', () => {
  test('flushes node after node, those out of the ring too, and can be watched', async () => {
    await using world = await running();
    expect((await world.app.inject('/v1/fleet/flush')).statusCode).toBe(404);
    const begun = await world.app.inject({ method: 'POST', url: '/v1/fleet/flush?pause=20ms', headers });
    expect([begun.statusCode, begun.json<Outcomes>().endedAt]).toEqual([202, null]);
    await until('the end', async () => (await world.app.inject('/v1/fleet/flush')).json<Outcomes>().endedAt !== null);
    expect(world.daemons.flushed).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    const over = (await world.app.inject('/v1/fleet/flush')).json<Outcomes>();
    expect(at(over)).toEqual(['cache-1 done', 'cache-2 done', 'cache-3 done']);
  });

  test('goes on where a node cannot be flushed, and says so', async () => {
    await using world = await running();
    world.daemons.unflushable.add('10.0.0.1');
    await world.app.inject({ method: 'POST', url: '/v1/fleet/flush?pause=0', headers });
    await until('the end', async () => (await world.app.inject('/v1/fleet/flush')).json<Outcomes>().endedAt !== null);
    expect(at((await world.app.inject('/v1/fleet/flush')).json<Outcomes>())).toEqual([
      'cache-1 failed',
      'cache-2 done',
      'cache-3 done',
    ]);
  });

  test('is one at a time and can be ended', async () => {
    await using world = await running();
    const ask = async (method: 'POST' | 'DELETE') =>
      world.app.inject({ method, url: '/v1/fleet/flush?pause=1000s', headers });
    expect((await ask('DELETE')).statusCode).toBe(409);
    expect((await ask('POST')).statusCode).toBe(202);
    await until('the first', () => world.daemons.flushed.length === 1);
    expect((await ask('POST')).statusCode).toBe(409);
    expect((await ask('DELETE')).json<Outcomes>().cancelled).toBe(true);
    await until('the end', async () => (await world.app.inject('/v1/fleet/flush')).json<Outcomes>().endedAt !== null);
    expect(world.daemons.flushed).toEqual(['10.0.0.1']);
    expect((await ask('DELETE')).statusCode).toBe(409);
  });

  test.each(['pause=1h', 'pause=-1', 'pause=999999'])('%s is refused', async (query) => {
    await using world = await running();
    expect((await world.app.inject({ method: 'POST', url: `/v1/fleet/flush?${query}`, headers })).statusCode).toBe(400);
    expect(world.daemons.flushed).toEqual([]);
  });

  test('needs the token', async () => {
    await using world = await running();
    expect((await world.app.inject({ method: 'POST', url: '/v1/fleet/flush' })).statusCode).toBe(401);
    expect(world.daemons.flushed).toEqual([]);
  });
});

async function remove(world: AppWorld, key: string) {
  return world.app.inject({ method: 'DELETE', url: `/v1/keys/${encodeURIComponent(key)}`, headers });
}

describe('DELETE /v1/keys/KEY', () => {
  test('deletes the key at every node, at those that owned it before too', async () => {
    await using world = await running();
    for (const ip of ['10.0.0.2', '10.0.0.3']) world.daemons.keys.set(ip, new Set(['a/b:1']));
    const response = await remove(world, 'a/b:1');
    expect(response.json<Outcomes>().deleted).toEqual(['cache-2', 'cache-3']);
    expect(at(response.json<Outcomes>())).toEqual(['cache-1 absent', 'cache-2 done', 'cache-3 done']);
    expect(world.daemons.keys.get('10.0.0.3')?.size).toBe(0);
    expect((await remove(world, 'a/b:1')).json<Outcomes>().deleted).toEqual([]);
  });

  test('is a problem that names the nodes where it is not known', async () => {
    await using world = await running();
    world.daemons.silent.add('10.0.0.2');
    const response = await remove(world, 'k');
    expect(response.statusCode).toBe(502);
    expect(response.json<{ detail: string }>().detail).toContain('at 1 of 3 nodes (cache-2: ');
  });

  test.each(['with space', 'x'.repeat(251), 'new\nline'])('refuses %j', async (key) => {
    await using world = await running();
    expect((await remove(world, key)).statusCode).toBe(400);
  });

  test('needs the token', async () => {
    await using world = await running();
    expect((await world.app.inject({ method: 'DELETE', url: '/v1/keys/k' })).statusCode).toBe(401);
  });
});

describe('the log', () => {
  test('tells every change and every refusal, and never a token', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) });
    await using world = await running({ log });
    const wrong = { authorization: 'Bearer a-wrong-token' };
    await world.app.inject({ method: 'POST', url: '/v1/nodes/cache-1/drain', headers });
    await world.app.inject({ method: 'POST', url: '/v1/nodes/cache-1/resume', headers });
    await world.app.inject({ method: 'POST', url: '/v1/fleet/flush?pause=0', headers });
    await world.app.inject({ method: 'DELETE', url: '/v1/keys/k', headers });
    await world.app.inject({ method: 'DELETE', url: '/v1/keys/k', headers: wrong });
    await world.app.inject({ method: 'POST', url: '/v1/none', headers, payload: { token: TOKEN } });
    const audited = lines.map((line) => (JSON.parse(line) as { audit?: string }).audit).filter(Boolean);
    expect(audited).toEqual(['drain', 'resume', 'flush', 'delete', 'refused']);
    expect(lines.join('')).not.toMatch(/the-token-of-this-test|a-wrong-token/);
  });
});
