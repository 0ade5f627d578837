/** How often one address may ask. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { CHANGE_RATE, HTTP_BOUNDS } from '../../../src/coordinator/limits.ts';
import { RateLimit } from '../../../src/coordinator/http/rate-limit.ts';
import { startApp } from './app-support.ts';

describe('a rate limit', () => {
  test('allows a burst, then so many in a second', () => {
    const limit = new RateLimit({ burst: 3, perSecond: 2 });
    const taken = (nowMs: number): number => limit.take('a', nowMs);
    expect([taken(0), taken(0), taken(0), taken(0)]).toEqual([0, 0, 0, 1]);
    expect([taken(499), taken(500), taken(500)]).toEqual([1, 0, 1]);
    expect([taken(60_000), taken(60_000), taken(60_000), taken(60_000)]).toEqual([0, 0, 0, 1]);
  });

  test('is one for each address', () => {
    const limit = new RateLimit({ burst: 1, perSecond: 1 });
    expect([limit.take('a', 0), limit.take('b', 0), limit.take('a', 0)]).toEqual([0, 0, 1]);
  });

  test('forgets the address that came first when there are too many', () => {
    const limit = new RateLimit({ burst: 1, perSecond: 1 }, 2);
    for (const address of ['a', 'b', 'c']) limit.take(address, 0);
    expect([limit.take('c', 0), limit.take('a', 0)]).toEqual([1, 0]);
  });
});

describe('the coordinator', () => {
  test('answers 429 to who asks for changes too often, with the token or without', async () => {
    await using world = await startApp({ token: 'secret', clock: new ManualClock() });
    const ask = async () => world.app.inject({ method: 'POST', url: '/v1/nodes/x/drain' });
    for (let count = 0; count < CHANGE_RATE.burst; count += 1) expect((await ask()).statusCode).toBe(401);
    const refused = await ask();
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1']);
    const headers = { authorization: 'Bearer secret' };
    expect((await world.app.inject({ method: 'POST', url: '/v1/nodes/x/drain', headers })).statusCode).toBe(429);
    // Reading goes on.
    expect((await world.app.inject('/healthz')).statusCode).toBe(200);
  });

  test('takes no body of more than its bound on any route', async () => {
    await using world = await startApp({ token: 'secret' });
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    const payload = JSON.stringify('x'.repeat(HTTP_BOUNDS.bodyBytesMax));
    for (const [method, url] of [
      ['POST', '/v1/nodes/x/drain'],
      ['POST', '/v1/nodes/x/resume'],
      ['POST', '/v1/fleet/flush'],
      ['DELETE', '/v1/fleet/flush'],
      ['DELETE', '/v1/keys/k'],
    ] as const) {
      expect((await world.app.inject({ method, url, headers, payload })).statusCode, url).toBe(413);
    }
  });

  test('tells browsers to do nothing with an answer but what the page needs', async () => {
    await using world = await startApp();
    const page = (await world.app.inject('/')).headers;
    expect(page).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self'"),
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'origin-agent-cluster': '?1',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-dns-prefetch-control': 'off',
      'x-download-options': 'noopen',
      'x-frame-options': 'DENY',
      'x-permitted-cross-domain-policies': 'none',
      'x-xss-protection': '0',
    });
    expect(page['x-powered-by']).toBeUndefined();
    expect((await world.app.inject('/v1/topology')).headers).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    });
  });
});
