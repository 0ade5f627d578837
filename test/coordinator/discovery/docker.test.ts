/** dockerode against an engine's HTTP, played in process: what is asked, and what is made of the answers. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dockerEngine, explain, swarmEngine } from '../../../src/coordinator/discovery/docker.ts';
import type { ContainerEvent } from '../../../src/coordinator/discovery/docker-view.ts';

let server: Server;
let handler: (request: IncomingMessage, response: ServerResponse) => void;
let host: string;
const urls: URL[] = [];

beforeEach(async () => {
  urls.length = 0;
  server = createServer((request, response) => {
    urls.push(new URL(request.url ?? '', 'http://docker'));
    handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const never = new AbortController().signal;

function json(value: unknown): void {
  handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

describe('the list', () => {
  const listed = {
    Id: 'abc',
    Names: ['/other/alias', '/memfleet-cache-1'],
    State: 'running',
    Status: 'Up 2 seconds (healthy)',
    Labels: { 'memfleet.role': 'cache' },
    Ports: [
      { IP: '0.0.0.0', PrivatePort: 11211, PublicPort: 32768, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 11211, PublicPort: 32769, Type: 'udp' },
      { PrivatePort: 9150, Type: 'tcp' },
    ],
    NetworkSettings: { Networks: { memfleet_default: { IPAddress: '172.18.0.4' } } },
  };

  test('is asked for with labels, stopped containers included, by GET of /containers/json alone', async () => {
    json([listed]);
    const containers = await dockerEngine(host).list({ labels: ['memfleet.role=cache', 'a=b'] }, never);
    expect(containers).toEqual([
      {
        id: 'abc',
        name: 'memfleet-cache-1',
        state: 'running',
        status: 'Up 2 seconds (healthy)',
        labels: { 'memfleet.role': 'cache' },
        networks: { memfleet_default: '172.18.0.4' },
        ports: [{ privatePort: 11211, publicPort: 32768, ip: '0.0.0.0' }],
      },
    ]);
    expect(urls.map((url) => url.pathname)).toEqual(['/containers/json']);
    expect(urls[0]?.searchParams.get('all')).toMatch(/^(true|1)$/);
    expect(JSON.parse(urls[0]?.searchParams.get('filters') ?? '')).toEqual({ label: ['memfleet.role=cache', 'a=b'] });
  });

  test('of one container is a list too, because a proxy refuses to inspect', async () => {
    json([]);
    expect(await dockerEngine(host).list({ id: 'abc' }, never)).toEqual([]);
    expect(JSON.parse(urls[0]?.searchParams.get('filters') ?? '')).toEqual({ id: ['abc'] });
  });

  test('takes containers that have no network, label or status', async () => {
    json([{ Id: 'abc', Names: ['/x'], State: 'created', Labels: null, NetworkSettings: null }]);
    const [container] = await dockerEngine(host).list({ labels: [] }, never);
    expect(container).toMatchObject({ name: 'x', labels: {}, networks: {}, status: '' });
  });

  test('that is no list is refused', async () => {
    json({ message: 'hello' });
    await expect(dockerEngine(host).list({ labels: [] }, never)).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
  });

  test('that is cut off in the middle fails, and does not hang', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('[{"Id":', () => response.destroy());
    };
    await expect(dockerEngine(host, 200).list({ labels: [] }, never)).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining('aborted') as string,
    });
  });
});

async function collect(pieces: Buffer[]): Promise<ContainerEvent[]> {
  handler = (_request, response) => {
    response.writeHead(200);
    void (async () => {
      for (const piece of pieces) await new Promise((resolve) => response.write(piece, resolve));
      response.end();
    })();
  };
  const events: ContainerEvent[] = [];
  for await (const event of await dockerEngine(host).events(never)) events.push(event);
  return events;
}

describe('the events', () => {
  const kill = {
    Type: 'container',
    Action: 'kill',
    Actor: { ID: 'abc', Attributes: { name: 'memfleet-cache-1', signal: '15', 'memfleet.role': 'cache' } },
  };
  const network = { Type: 'network', Action: 'disconnect', Actor: { ID: 'net', Attributes: { container: 'abc' } } };
  const started = { Type: 'container', Action: 'start', Actor: { ID: 'déf', Attributes: {} } };

  const stream = Buffer.from([kill, network, started].map((event) => `${JSON.stringify(event)}\n`).join(''));
  const understood = [
    { id: 'abc', action: 'kill', signal: '15' },
    { id: '', action: 'disconnect', signal: undefined },
    { id: 'déf', action: 'start', signal: undefined },
  ];

  test('are understood whole and cut into single bytes', async () => {
    expect(await collect([stream])).toEqual(understood);
    expect(await collect([...stream].map((byte) => Buffer.of(byte)))).toEqual(understood);
  });

  test('that are no events are passed over', async () => {
    const odd = Buffer.from('null\n[]\n"x"\n{}\n{"Action":1}\nnot JSON\n\n{"Action":"die","Actor":{}}\n');
    expect(await collect([odd, stream])).toEqual(understood);
  });

  test('are asked for by kind, so that health checks that run commands are not sent', async () => {
    await collect([]);
    expect(urls[0]?.pathname).toBe('/events');
    const filters = JSON.parse(urls[0]?.searchParams.get('filters') ?? '') as { type: string[]; event: string[] };
    expect(filters.type).toEqual(['container', 'network']);
    expect(filters.event).toContain('kill');
    expect(filters.event.filter((action) => action.startsWith('exec'))).toEqual([]);
  });

  test('end when they are no longer wanted', async () => {
    handler = (_request, response) => {
      response.writeHead(200);
      response.write(stream);
    };
    const enough = new AbortController();
    const events: ContainerEvent[] = [];
    for await (const event of await dockerEngine(host).events(enough.signal)) {
      events.push(event);
      if (events.length === understood.length) enough.abort();
    }
    expect(events).toEqual(understood);
  });

  test('end when the engine is gone', async () => {
    handler = (_request, response) => {
      response.writeHead(200);
      response.write(stream, () => response.destroy());
    };
    const events: ContainerEvent[] = [];
    for await (const event of await dockerEngine(host).events(never)) events.push(event);
    expect(events).toEqual(understood);
  });
});

const list = async (at: string): Promise<unknown> => dockerEngine(at).list({ labels: [] }, never);

describe('an engine that cannot be asked is told with what to do about it', () => {
  test('refused by a proxy', async () => {
    handler = (_request, response) => void response.writeHead(403).end('Forbidden');
    await expect(list(host)).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringMatching(/^Docker at tcp:\/\/127\.0\.0\.1:\d+: forbidden; the proxy must allow/) as string,
    });
    await expect(dockerEngine(host).events(never)).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
  });

  test('failing', async () => {
    handler = (_request, response) => void response.writeHead(500).end('{"message":"out of order"}');
    await expect(list(host)).rejects.toThrow(/out of order/);
  });

  test('not there', async () => {
    await new Promise((resolve) => server.close(resolve));
    await expect(list(host)).rejects.toThrow(/connection refused; is the engine/);
    await expect(list('unix:///nowhere/docker.sock')).rejects.toThrow(/there is no such socket/);
  });

  test('a socket without permission', () => {
    // Root may connect to any socket, so the test plays the system's part.
    const denied = Object.assign(new Error('connect EACCES /var/run/docker.sock'), { code: 'EACCES' });
    expect(explain(denied)).toMatch(/^permission denied on the socket; put a read-only proxy before it/);
  });

  test('anything else in its own words', () => {
    expect(explain(new Error('odd '))).toBe('odd');
    expect(explain('odder')).toBe('odder');
  });

  test.each(['docker', 'unix://', 'ssh://host', 'tcp://', 'fd://'])('%j is no place for an engine', (at) => {
    expect(() => dockerEngine(at)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});

/** An answer without end, as fast as it is read. */
function endless(status: number): { readonly closed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const chunk = Buffer.alloc(256 * 1024, ' ');
  handler = (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.on('close', resolve);
    const more = (error?: Error | null): void => {
      if (!error && !response.destroyed) response.write(chunk, more);
    };
    more();
  };
  return { closed: promise };
}

describe('an answer without end', () => {
  test.each([200, 500])('with status %i is left at the bound, and its connection is closed', async (status) => {
    const answer = endless(status);
    await expect(dockerEngine(host, 60_000).list({ labels: [] }, never)).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringMatching(/the answer exceeds \d+ bytes$/) as string,
    });
    await answer.closed;
  });

  test('to a manager’s questions, and to the beginning of events, is left as well', async () => {
    endless(200);
    await expect(swarmEngine(host, 60_000).services([], never)).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
    endless(503);
    await expect(dockerEngine(host, 60_000).events(never)).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
  });
});
