/** Goal: a server that means harm gets no memory, no time and no second request. Method: such a server, on loopback. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { httpGet, readText } from '../../src/base/http-get.ts';
import { until } from '../support/until.ts';

let server: Server;

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const signal = AbortSignal.timeout(60_000);

async function text(url: string, bytesMax = 1000): Promise<string> {
  return readText(await httpGet(url, { signal }), bytesMax);
}

test('a body within the bound is read, whatever pieces its characters come in', async () => {
  const bytes = Buffer.from('größer');
  const url = await serve((request, response) => {
    expect(request.headers['accept-encoding']).toBe('identity');
    response.write(bytes.subarray(0, 3));
    setImmediate(() => response.end(bytes.subarray(3)));
  });
  await expect(text(url, bytes.length)).resolves.toBe('größer');
});

test('an announced length above the bound is refused before the body', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '1000000000' });
    response.write('x');
  });
  await expect(text(url)).rejects.toMatchObject({ code: 'TOO_LARGE' });
});

test('a body without end is left at the bound, and its connection is closed', async () => {
  let sent = 0;
  let closed = false;
  const url = await serve((_request, response) => {
    const more = (): void => {
      if (closed) return;
      sent += 16_384;
      response.write(Buffer.alloc(16_384, 'x'), more);
    };
    response.on('close', () => (closed = true));
    more();
  });
  await expect(text(url, 100_000)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  await until('the connection is closed', () => closed);
  // What lies in the buffers of the two sockets, and no more.
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

describe('refused', () => {
  test.each([
    ['gzip', gzipSync(Buffer.alloc(10_000_000))],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(10_000_000)))],
    ['br', Buffer.alloc(10)],
  ])('is a body in %s, which nobody asked for', async (encoding, body) => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(body);
    });
    await expect(text(url)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/unasked/),
    });
  });

  test.each([301, 302, 303, 307, 308])('is a redirect by %i, and where it leads is not asked', async (status) => {
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    await expect(text(url)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: `${url} redirects to "/elsewhere"; redirects are not followed`,
    });
    expect(asked).toEqual(['/']);
  });
});
