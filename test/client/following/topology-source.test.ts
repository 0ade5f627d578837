/**
 * Goal: a coordinator is followed through everything it may do, and what was learnt is never unlearnt. Method: a
 * coordinator in miniature on a loopback port, whose streams and polls the test answers; time is moved by hand.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { DOCUMENT_BYTES_MAX, RETRY_MAX_MS } from '../../../src/client/limits.ts';
import { followCoordinator, type TopologySource } from '../../../src/client/following/topology-source.ts';
import { documentOf, nodeOf } from '../../topology/nodes.ts';
import { until } from '../../support/until.ts';

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: string;
}

let server: Server;
let calls: Call[];
let clock: ManualClock;
let source: TopologySource;
let versions: number[];
let troubles: string[];
let url: string;

beforeEach(async () => {
  calls = [];
  versions = [];
  troubles = [];
  clock = new ManualClock();
  server = createServer((request, response) => calls.push({ request, response, url: request.url ?? '' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  source.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function follow(at: string | string[] = url): Promise<void> {
  source = followCoordinator({ url: at, clock, random: () => 0.5 });
  const started = source.start(
    (document) => versions.push(document.version),
    (error) => troubles.push(`${error.code} ${error.message}`),
  );
  started.catch(() => undefined);
  return started;
}

function json(version: number): string {
  return JSON.stringify(documentOf([nodeOf({ name: 'a' })], { version }));
}

/** The call with this number, from 0, when it has come; moves time so that waits end. */
async function call(index: number, stepMs = 5000): Promise<Call> {
  await until(`request ${index} has come`, () => {
    if (calls.length <= index) clock.advance(stepMs);
    return calls.length > index;
  });
  return calls[index];
}

function openStream({ response }: Call): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
  return response;
}

async function seen(version: number): Promise<void> {
  await until(`version ${version} is delivered`, () => versions.at(-1) === version);
}

describe('the event stream', () => {
  test('delivers the first document, and every newer one, cut anywhere', async () => {
    const started = follow();
    const stream = openStream(await call(0, 0));
    expect(calls[0].url).toBe('/v1/topology/events');
    stream.write(`event: topology\nid: 3\ndata: ${json(3)}\n\n`);
    await started;
    expect(versions).toEqual([3]);
    const text = `: comment\n\ndata: ${json(4)}\n\n`;
    stream.write(text.slice(0, 40));
    stream.write(text.slice(40));
    await seen(4);
    expect(troubles).toEqual([]);
  });

  test('a version that is not newer is ignored, also after moving to another connection', async () => {
    const started = follow();
    const stream = openStream(await call(0, 0));
    stream.write(`data: ${json(7)}\n\ndata: ${json(7)}\n\ndata: ${json(6)}\n\n`);
    await started;
    stream.end();
    const next = openStream(await call(1));
    next.write(`data: ${json(5)}\n\ndata: ${json(8)}\n\n`);
    await seen(8);
    expect(versions).toEqual([7, 8]);
    expect(troubles).toHaveLength(1);
  });

  test('that is silent for too long is left, and comments are signs of life', async () => {
    const started = follow();
    const stream = openStream(await call(0, 0));
    stream.write(`data: ${json(1)}\n\n`);
    await started;
    for (let i = 0; i < 5; i += 1) {
      clock.advance(30_000);
      stream.write(': still here\n\n');
      stream.write(`data: ${json(i + 2)}\n\n`);
      await seen(i + 2);
    }
    expect(troubles).toEqual([]);
    clock.advance(45_000);
    await until('the stream is left', () => troubles.length === 1);
    expect(troubles[0]).toMatch(/silent for 45000 ms/);
    await call(1);
  });

  test.each([
    ['no JSON', '{', 'BAD_TOPOLOGY'],
    ['not a document', '{"version":1}', 'BAD_TOPOLOGY'],
  ])('that sends what is %s is left and tried again', async (_, data, code) => {
    const started = follow();
    openStream(await call(0, 0)).write(`data: ${data}\n\n`);
    await until('the trouble is told', () => troubles.length === 1);
    expect(troubles[0]).toMatch(code);
    openStream(await call(1)).write(`data: ${json(1)}\n\n`);
    await started;
  });
});

async function refuseStream(): Promise<void> {
  (await call(0, 0)).response.writeHead(404).end('no');
}

describe('the long poll', () => {
  test('takes over where there is no event stream', async () => {
    const started = follow();
    await refuseStream();
    const first = await call(1);
    expect(first.url).toBe('/v1/topology');
    first.response.writeHead(200, { 'content-type': 'application/json' }).end(json(3));
    await started;
    const second = await call(2, 0);
    expect(second.url).toBe('/v1/topology?after=3&wait=30s');
    second.response.writeHead(304).end();
    const third = await call(3, 0);
    expect(third.url).toBe('/v1/topology?after=3&wait=30s');
    third.response.writeHead(200).end(json(4));
    await seen(4);
  });

  test('takes over from a page that is no event stream', async () => {
    const started = follow();
    (await call(0, 0)).response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello');
    (await call(1)).response.end(json(1));
    await started;
  });

  test('does not become a busy loop when the answer is no news', async () => {
    const started = follow();
    await refuseStream();
    (await call(1)).response.end(json(3));
    await started;
    (await call(2, 0)).response.end(json(3));
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toHaveLength(3);
    await call(3);
  });
});

describe('failures', () => {
  test('a coordinator that cannot answer now is asked again for its stream', async () => {
    const started = follow();
    (await call(0, 0)).response.writeHead(503).end();
    const again = await call(1);
    expect(again.url).toBe('/v1/topology/events');
    openStream(again).write(`data: ${json(1)}\n\n`);
    await started;
  });

  test('of several coordinators the next one is tried', async () => {
    const started = follow(['http://127.0.0.1:1', `${url}/fleet`]);
    const asked = await call(0);
    expect(asked.url).toBe('/fleet/v1/topology/events');
    openStream(asked).write(`data: ${json(1)}\n\n`);
    await started;
    expect(troubles).toHaveLength(1);
  });

  test('closing ends everything, and a start that waits', async () => {
    const started = follow();
    const { request } = await call(0, 0);
    const gone = new Promise((resolve) => request.once('close', resolve));
    source.close();
    source.close();
    await expect(started).rejects.toMatchObject({ code: 'CLOSED' });
    await gone;
    clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toHaveLength(1);
    expect(troubles).toEqual([]);
  });

  test.each(['', 'nonsense', 'ftp://a/'])('%j is no URL of a coordinator', (text) => {
    source = { start: () => Promise.resolve(), close: () => undefined };
    expect(() => followCoordinator({ url: text })).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
    expect(() => followCoordinator({ url: [] })).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
  });
});

describe('a coordinator that means harm', () => {
  test('does not send its followers elsewhere', async () => {
    void follow();
    (await call(0, 0)).response.writeHead(307, { location: 'http://127.0.0.1:1/v1/topology/events' }).end();
    await until('the redirect is told', () => troubles.length > 0);
    expect(troubles[0]).toBe(
      `CONNECT_FAILED ${url}/v1/topology/events redirects to "http://127.0.0.1:1/v1/topology/events"; ` +
        'redirects are not followed',
    );
  });

  test('does not have anything inflated', async () => {
    void follow();
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { response, request } = await call(0, 0);
    expect(request.headers['accept-encoding']).toBe('identity');
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }).end(bomb);
    await until('the bomb is told', () => troubles.length > 0);
    expect(troubles[0]).toMatch(/^CONNECT_FAILED .*"gzip" unasked$/);
  });

  test('does not send a document or an event without end', async () => {
    void follow();
    const stream = openStream(await call(0, 0));
    stream.write(`data: ${'x'.repeat(DOCUMENT_BYTES_MAX)}`);
    await until('the event is told', () => troubles.length > 0);
    expect(troubles[0]).toMatch(/^TOO_LARGE/);
    (await call(1)).response.writeHead(404).end();
    (await call(2)).response.writeHead(200).end('x'.repeat(DOCUMENT_BYTES_MAX + 1));
    await until('the document is told', () => troubles.at(-1)?.startsWith('TOO_LARGE') === true && troubles.length > 2);
  });

  test('does not keep its followers away for longer than five seconds', async () => {
    const started = follow();
    const stream = openStream(await call(0, 0));
    stream.write(`retry: 999999999\ndata: ${json(1)}\n\n`);
    await started;
    stream.end();
    await until('the end is told', () => troubles.length === 1);
    clock.advance(RETRY_MAX_MS);
    await call(1, 0);
  });
});
