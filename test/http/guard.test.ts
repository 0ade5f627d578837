/** The guard over real sockets, with a clock that the test moves: who is ended when, and who is served meanwhile. */
import type { RequestListener, Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { HttpGuard, type GuardBounds } from '../../src/http/guard.ts';
import {
  AHEAD_BYTES_MAX,
  ANSWER_MS,
  BODY_MS,
  FIRST_BYTE_MS,
  HEAD_MS,
  IDLE_MS,
  LINGER_MS,
} from '../../src/http/limits.ts';
import { refuseUnreadable } from '../../src/http/unreadable-request.ts';
import { until } from '../support/until.ts';

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const BOUNDS: GuardBounds = { connectionsMax: 4, requestsMax: 3, heldBytesMax: 1024 * 1024, headBytesMax: 8192 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A client that leaves its end open when the server has closed its own, as hostile ones do. */
interface Peer {
  socket: Socket;
  text: string;
  /** The server has. */
  closed: boolean;
}

async function world(handler: RequestListener, bounds: Partial<GuardBounds> = {}) {
  const clock = new ManualClock();
  const guard = new HttpGuard({ ...BOUNDS, ...bounds }, clock);
  const server: Server = guard.server(handler);
  server.on('clientError', refuseUnreadable);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;

  function open(text = '', reads = true): Peer {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const peer = { socket, text: '', closed: false };
    if (reads) socket.setEncoding('latin1').on('data', (chunk: string) => (peer.text += chunk));
    else socket.pause();
    socket
      .on('error', () => {})
      .on('end', () => (peer.closed = true))
      .on('close', () => (peer.closed = true));
    if (text !== '') socket.write(text);
    closers.push(() => socket.destroy());
    return peer;
  }

  /** A connection that has come to the guard before the next one does. */
  async function opened(text = '', reads = true): Promise<Peer> {
    const before = guard.connectionCount + guard.cutOffCount;
    const peer = open(text, reads);
    await until('it is seen', () => guard.connectionCount + guard.cutOffCount > before);
    return peer;
  }

  return { clock, guard, server, open, opened };
}

const hello: RequestListener = (_request, response) => void response.end('hello');

function answers({ text }: Peer): number {
  return text.split('HTTP/1.1 200').length - 1;
}

describe('a connection is ended', () => {
  test('without a word when its first byte does not come', async () => {
    const { clock, guard, opened } = await world(hello);
    const peer = await opened();
    clock.advance(FIRST_BYTE_MS - 1);
    expect(guard.connectionCount).toBe(1);
    clock.advance(1);
    await until('it is closed', () => peer.closed);
    expect([peer.text, guard.connectionCount]).toEqual(['', 0]);
  });

  test('with 408 when its head does not end, however often a byte comes', async () => {
    const { clock, guard, server, opened } = await world(hello);
    const peer = await opened('GET / HTTP/1.1\r\nhost: x\r\n');
    await until('bytes are held', () => guard.heldBytes > 0);
    for (let sentMs = 0; sentMs < HEAD_MS; sentMs += 1000) {
      const { heldBytes } = guard;
      peer.socket.write('a');
      await until('it is read', () => guard.heldBytes > heldBytes);
      clock.advance(1000);
    }
    await until('it is closed', () => peer.closed);
    expect(peer.text).toMatch(/^HTTP\/1\.1 408 /);
    clock.advance(LINGER_MS);
    await until('nothing is held', () => guard.connectionCount === 0 && guard.heldBytes === 0);
    expect(server.listening).toBe(true);
  });

  test.each([
    ['waited for', 408],
    ['answered before', 200],
  ])('when its body does not end, %s', async (how, status) => {
    const { clock, guard, opened } = await world((request, response) => {
      if (status === 200) response.end('no');
      else request.resume().on('end', () => response.end('all'));
    });
    const peer = await opened(`POST / HTTP/1.1\r\nhost: ${how.length}\r\ncontent-length: 100\r\n\r\nhalf`);
    await until('it is seen', () => (status === 200 ? answers(peer) === 1 : guard.requestCount === 1));
    await until('it is settled', () => status === 408 || guard.requestCount === 0);
    clock.advance(BODY_MS);
    await until('it is closed', () => peer.closed);
    expect(peer.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    clock.advance(LINGER_MS);
    await until('nothing is held', () => guard.connectionCount === 0 && guard.heldBytes === 0);
    await until('nothing runs', () => guard.requestCount === 0);
  });

  test('when its answer is not taken', async () => {
    const { clock, guard, opened } = await world((_request, response) => void response.end(Buffer.alloc(1 << 23)), {
      heldBytesMax: 1 << 26,
    });
    const peer = await opened(GET, false);
    await until('the answer waits', () => guard.heldBytes >= 1 << 23);
    clock.advance(ANSWER_MS);
    await until('nothing is held', () => guard.connectionCount === 0 && guard.heldBytes === 0);
    peer.socket.resume();
    await until('it is closed', () => peer.closed);
  });

  test('without a word when it asks nothing more', async () => {
    const { clock, guard, opened } = await world(hello);
    const peer = await opened(GET);
    await until('it is answered', () => answers(peer) === 1 && guard.requestCount === 0);
    const { text } = peer;
    clock.advance(IDLE_MS);
    await until('it is closed', () => peer.closed);
    expect(peer.text).toBe(text);
  });

  test.each([
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400],
    ['a head that is too long', `GET /${'a'.repeat(9000)} HTTP/1.1\r\n`, 431],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ])('after %s was answered, though its peer stays', async (_what, text, status) => {
    const { clock, guard, opened } = await world(hello);
    const peer = await opened(text);
    await until('it is answered', () => peer.text.includes('}'));
    expect(peer.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    // It has the server's end and keeps its own open.
    expect(guard.connectionCount).toBe(1);
    clock.advance(LINGER_MS);
    await until('it is gone', () => guard.connectionCount === 0);
  });
});

describe('requests that come together', () => {
  test('are run one at a time, in their order, however they are cut', async () => {
    let running = 0;
    let most = 0;
    const { opened } = await world((request, response) => {
      running += 1;
      most = Math.max(most, running);
      setImmediate(() => {
        running -= 1;
        response.end(`<${request.url}>`);
      });
    });
    const text = Array.from({ length: 500 }, (_, at) => `GET /${at} HTTP/1.1\r\nhost: x\r\n\r\n`).join('');
    for (const cut of [text.length, 10, 27, 1000]) {
      const peer = await opened(text.slice(0, cut));
      peer.socket.write(text.slice(cut));
      await until('all are answered', () => answers(peer) === 500);
      expect([...peer.text.matchAll(/<\/(\d+)>/g)].map(([, at]) => Number(at))).toEqual([...Array(500).keys()]);
    }
    expect(most).toBe(1);
  });

  test('with bodies are kept apart', async () => {
    const { opened } = await world((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => response.end(`<${body}>`));
    });
    const bodies = ['a\r\n\r\nb', '', 'GET / HTTP/1.1\r\n\r\n', 'x'.repeat(5000)];
    const text = bodies.map((b) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${b.length}\r\n\r\n${b}`).join('');
    for (const cut of [text.length, 60, 70, 200]) {
      const peer = await opened(text.slice(0, cut));
      peer.socket.write(text.slice(cut));
      await until('all are answered', () => answers(peer) === bodies.length);
      for (const body of bodies) expect(peer.text).toContain(`<${body}>`);
    }
  });

  test('wait for the answer before them, and no more is read than the bound', async () => {
    let run = 0;
    const { guard, opened } = await world(
      (_request, response) => {
        run += 1;
        response.end(Buffer.alloc(1 << 20));
      },
      { heldBytesMax: 1 << 26 },
    );
    const peer = await opened('', false);
    peer.socket.write(GET.repeat(200_000));
    await until('one answer waits', () => guard.heldBytes >= 1 << 20);
    expect(run).toBeLessThan(50);
    // An answer, what was kept and one read.
    expect(guard.heldBytes).toBeLessThan((1 << 20) + AHEAD_BYTES_MAX + 128 * 1024);
    const before = run;
    peer.socket.resume();
    await until('they go on', () => run > before + 100);
  });

  test('are answered though their client has sent its end behind them', async () => {
    const { opened } = await world(hello);
    const peer = await opened();
    peer.socket.end(GET.repeat(20));
    await until('it is closed', () => peer.closed);
    expect(answers(peer)).toBeGreaterThanOrEqual(1);
  });
});

describe('all connections together', () => {
  test('who has waited longest makes room, idle or not begun; who is being answered does not', async () => {
    const { clock, guard, opened } = await world((request, response) => {
      if (request.url !== '/wait') response.end('hello');
    });
    const waiting = await opened('GET /wait HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('it runs', () => guard.requestCount === 1);
    const idle = await opened(GET);
    await until('it is answered', () => answers(idle) === 1 && guard.requestCount === 1);
    clock.advance(1);
    const silent = await opened();
    clock.advance(1);
    const half = await opened('GET / HT');
    await until('half of it is there', () => guard.heldBytes > 0);
    for (const first of [idle, silent, half]) {
      const next = await opened('GET /wait HTTP/1.1\r\nhost: x\r\n\r\n');
      await until('it made room', () => first.closed);
      expect(next.closed).toBe(false);
      await until('the next one runs, or is told why not', () => next.text !== '' || guard.requestCount > 1);
    }
    expect(waiting.closed).toBe(false);
    expect(guard.connectionCount).toBe(BOUNDS.connectionsMax);
  });

  test('are refused where all are being answered', async () => {
    const { guard, opened } = await world(() => {}, { connectionsMax: 2 });
    const held = [await opened(GET), await opened(GET)];
    await until('both run', () => guard.requestCount === 2);
    const refused = await opened(GET);
    await until('it is closed', () => refused.closed);
    expect([held.every(({ closed }) => !closed), guard.cutOffCount]).toEqual([true, 1]);
  });

  test('run as many requests as the bound says, and one more is told 503', async () => {
    const { guard, opened } = await world(() => {});
    for (let count = 1; count <= BOUNDS.requestsMax; count += 1) {
      await opened(GET);
      await until('it runs', () => guard.requestCount === count);
    }
    const refused = await opened(GET);
    await until('it is answered', () => refused.text.includes('\r\n\r\n{'));
    expect(refused.text).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1\r\n/is);
  });

  test('hold what they are sent alike once, and above the bound who has waited longest is cut off', async () => {
    const same = Buffer.alloc(1 << 23, 'same');
    const { guard, opened } = await world(
      (request, response) => void response.end(request.url === '/same' ? same : Buffer.alloc(1 << 23)),
      { connectionsMax: 100, heldBytesMax: 20 << 20 },
    );
    for (let count = 1; count <= 10; count += 1) await opened('GET /same HTTP/1.1\r\nhost: x\r\n\r\n', false);
    await until('they hold one', () => guard.heldBytes >= 1 << 23);
    expect(guard.heldBytes).toBeLessThan(2 << 23);
    expect(guard.cutOffCount).toBe(0);
    const own = await opened(GET, false);
    await until('two are held', () => guard.heldBytes >= 2 << 23);
    expect(guard.cutOffCount).toBe(0);
    await opened(GET, false);
    // The ten share theirs, so all of them go before the one that came last.
    await until('the ten are cut off', () => guard.cutOffCount === 10);
    expect([guard.connectionCount, own.closed]).toEqual([2, false]);
    expect(guard.heldBytes).toBeLessThanOrEqual(20 << 20);
  });

  test('followers are not counted as running, and are seen to leave', async () => {
    const worldOf = await world((request, response) => worldOf.guard.follow(request, response), { requestsMax: 1 });
    const { guard, opened } = worldOf;
    const followers = [await opened(GET), await opened(GET), await opened(GET)];
    expect(guard.requestCount).toBe(0);
    // Who sends more than a follower has to say would not be seen to leave.
    followers[0]?.socket.write('x'.repeat(AHEAD_BYTES_MAX + 1));
    await until('it is cut off', () => followers[0]?.closed ?? false);
    followers[1]?.socket.end(GET);
    await until('it is gone', () => guard.connectionCount === 1);
    expect(followers[2]?.closed).toBe(false);
  });
});
