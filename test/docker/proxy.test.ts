/**
 * The filter in front of the engine's socket. Goal: the coordinator can read what it needs, and nobody who gets into
 * the coordinator's place can do or learn anything else. Method: one throw-away container that has what the
 * coordinator has sends every request of the tables below, as raw bytes, so that no client library tidies a path up.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { docker, Project } from './support.ts';

/** `method path`, optionally with header lines and a body after it. */
type Request = readonly [method: string, path: string, rest?: string];

/** Sends each request on a connection of its own; prints a list of [status, body]. */
function sender(requests: readonly Request[]): string {
  return `
    import { connect } from 'node:net';
    const requests = ${JSON.stringify(requests)};
    const answers = [];
    for (const [method, path, rest = '\\r\\n'] of requests) {
      answers.push(await new Promise((resolve, reject) => {
        let text = '';
        const socket = connect('/run/docker-api/docker.sock', () => {
          socket.write(method + ' ' + path + ' HTTP/1.1\\r\\nHost: docker\\r\\nConnection: close\\r\\n' + rest);
        });
        const finish = () => resolve([Number(text.split(' ')[1]), text.slice(text.indexOf('\\r\\n\\r\\n') + 4)]);
        // An event stream that is open has answered enough.
        socket.setTimeout(3000, () => { socket.destroy(); finish(); });
        socket.on('data', (data) => { text += data; }).on('end', finish).on('error', reject);
      }));
    }
    console.log(JSON.stringify(answers));
  `;
}

describeWith(['docker'], 'the proxy in front of the Docker socket', () => {
  let project: Project;
  let victim: string;

  async function send(requests: readonly Request[]): Promise<[status: number, body: string][]> {
    return JSON.parse(await project.nodeBesideProxy(sender(requests))) as [number, string][];
  }

  beforeAll(async () => {
    project = await Project.create('proxy');
    await project.compose('up', '-d', '--wait', 'docker-proxy');
    victim = (await project.containers('docker-proxy'))[0] ?? '';
  });

  afterAll(async () => {
    await project.down();
  });

  test('answers ping, version, list and events, with and without the version of the API', async () => {
    const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${project.name}`] }));
    const answers = await send([
      ['GET', '/_ping'],
      ['HEAD', '/_ping'],
      ['GET', '/v1.45/_ping'],
      ['GET', '/version'],
      ['GET', '/v1.44/version'],
      ['GET', '/containers/json?all=1'],
      ['GET', `/v1.45/containers/json?filters=${filters}`],
      ['GET', `/v1.45/events?since=1&until=2&filters=${filters}`],
    ]);
    expect(answers.map(([status]) => status)).toEqual(Array.from(answers, () => 200));
    expect(answers[6]?.[1]).toContain(`/${victim}`);
  });

  test('keeps an event stream open while nothing happens', async () => {
    const filters = encodeURIComponent(JSON.stringify({ label: ['memfleet.nobody=has-this'] }));
    expect(await send([['GET', `/v1.45/events?filters=${filters}`]])).toEqual([[200, '']]);
  });

  test('refuses whatever changes something', async () => {
    const refused: Request[] = [
      ['POST', '/containers/create'],
      ['POST', '/v1.45/containers/create', 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'],
      ['POST', `/containers/${victim}/exec`],
      ['POST', `/containers/${victim}/kill`],
      ['POST', `/containers/${victim}/attach`],
      ['PUT', `/containers/${victim}/archive?path=/`],
      ['DELETE', `/containers/${victim}?force=1`],
      ['POST', '/containers/json'],
      ['POST', '/_ping'],
      ['DELETE', '/events'],
      ['POST', '/images/create?fromImage=x'],
      ['POST', '/session'],
      ['POST', '/grpc'],
    ];
    const answers = await send(refused);
    expect(answers.map(([status]) => status)).toEqual(Array.from(answers, () => 403));
    expect(await docker('inspect', '-f', '{{.State.Status}}', victim)).toBe('running');
  });

  test('refuses the reads that show environments, files or output', async () => {
    const refused: Request[] = [
      ['GET', `/containers/${victim}/json`],
      ['GET', `/v1.45/containers/${victim}/json`],
      ['GET', `/containers/${victim}/logs?stdout=1`],
      ['GET', `/containers/${victim}/archive?path=/etc/passwd`],
      ['HEAD', `/containers/${victim}/archive?path=/etc/passwd`],
      ['GET', `/containers/${victim}/export`],
      ['GET', `/containers/${victim}/top`],
      ['GET', `/containers/${victim}/stats`],
      ['GET', `/containers/${victim}/attach/ws`],
      ['GET', '/info'],
      ['GET', '/images/json'],
      ['GET', '/volumes'],
      ['GET', '/secrets'],
      ['GET', '/configs'],
      ['GET', '/networks'],
      ['GET', '/system/df'],
      ['GET', '/'],
    ];
    const answers = await send(refused);
    expect(answers.map(([status]) => status)).toEqual(Array.from(answers, () => 403));
  });

  test('refuses an allowed path in any other spelling, with a body, or as an upgrade', async () => {
    const refused: Request[] = [
      ['GET', `/containers/json/../${victim}/json`],
      ['GET', `/containers/${victim}/../json`],
      ['GET', '/v1.45/../containers/json'],
      ['GET', '//containers/json'],
      ['GET', '/containers//json'],
      ['GET', '/containers%2Fjson'],
      ['GET', '/containers/json/'],
      ['GET', '/containers/JSON'],
      ['GET', '/v1.45.1/version'],
      ['GET', '/v2.0/version'],
      ['GET', '/version;x=1'],
      ['GET', `/containers/${victim}/json#/_ping`],
      ['GET', `/containers/${victim}/json?/_ping`],
      ['HEAD', '/containers/json'],
      ['get', '/version'],
      ['GET', '/version', 'Content-Length: 2\r\n\r\n{}'],
      ['GET', '/version', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['GET', '/events', 'Upgrade: tcp\r\nConnection: Upgrade\r\n\r\n'],
    ];
    const answers = await send(refused);
    // HAProxy itself answers 400 to what is no HTTP request at all.
    const statuses = answers.map(([status], index) => `${status} ${refused[index]?.join(' ')}`);
    expect(statuses.filter((line) => !/^40[03] /.test(line))).toEqual([]);
  });

  test('filters every request of a connection, not only its first', async () => {
    const [answer] = await send([['GET', `/_ping HTTP/1.1\r\nHost: docker\r\n\r\nGET /containers/${victim}/json`]]);
    expect(answer?.[0]).toBe(200);
    expect(answer?.[1]).toMatch(/^OKHTTP\/1\.1 403 /);
  });

  test('speaks no HTTP/2, whose bodies the rules would not see', async () => {
    const script = `
      import { connect as open } from 'node:net';
      import { connect } from 'node:http2';
      const socket = open('/run/docker-api/docker.sock');
      const session = connect('http://docker', { createConnection: () => socket });
      const request = session.request({ ':method': 'GET', ':path': '/version' }, { endStream: false });
      const outcome = new Promise((resolve) => {
        for (const side of [session, request]) side.on('error', (error) => resolve('refused'));
        session.on('close', () => resolve('refused'));
        request.on('response', (headers) => resolve('answered ' + headers[':status']));
      });
      request.end('{}');
      console.log(await outcome);
      process.exit();
    `;
    expect(await project.nodeBesideProxy(script)).toBe('refused');
  });

  test('goes on answering reads while more event streams are open than it has places for', async () => {
    const script = `
      import { connect } from 'node:net';
      const path = '/events?filters=' + encodeURIComponent(JSON.stringify({ label: ['memfleet.nobody=has-this'] }));
      function ask(path) {
        return new Promise((resolve) => {
          const socket = connect('/run/docker-api/docker.sock', () => {
            socket.write('GET ' + path + ' HTTP/1.1\\r\\nHost: docker\\r\\nConnection: close\\r\\n\\r\\n');
          });
          socket.once('data', (data) => resolve(Number(String(data).split(' ')[1])));
          socket.on('error', () => resolve(0));
          socket.on('close', () => resolve(0));
        });
      }
      const streams = Array.from({ length: 80 }, () => ask(path));
      const open = (await Promise.all(streams)).filter((status) => status === 200).length;
      console.log(JSON.stringify([open, await ask('/version'), await ask('/containers/json')]));
      process.exit();
    `;
    const [open, ...reads] = JSON.parse(await project.nodeBesideProxy(script)) as number[];
    expect(open).toBeGreaterThan(0);
    expect(open).toBeLessThanOrEqual(8);
    expect(reads).toEqual([200, 200]);
  });

  test('has no network, and nobody but the coordinator has its socket', async () => {
    const networks = await docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', victim);
    expect(Object.keys(JSON.parse(networks) as object)).toEqual(['none']);
    expect(await docker('inspect', '-f', '{{json .HostConfig.PortBindings}}', victim)).toBe('{}');
    const services = JSON.parse(await project.compose('config', '--format', 'json')) as {
      services: Record<string, { volumes?: { source: string; read_only?: boolean }[] }>;
    };
    const mounting = Object.entries(services.services).flatMap(([name, { volumes = [] }]) =>
      volumes.filter(({ source }) => source === 'docker-api').map(({ read_only = false }) => [name, read_only]),
    );
    expect(mounting.sort(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ['coordinator', true],
      ['docker-proxy', false],
    ]);
  });
});
