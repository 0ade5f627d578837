/**
 * Hostile datagrams (`-U`). Goal: what one of them can have sent is bounded in datagrams and memory, others are served,
 * nothing that comes back from a server keeps two of them talking, and nothing goes to a port that no client has. Method:
 * our daemon on each runtime, over IPv4 and IPv6, in each protocol.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UDP_ANSWER_DATAGRAMS_MAX } from '../../src/daemon/limits.ts';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request } from '../conformance/binary-packets.ts';
import { freePort, ourDaemons, type ProcessKind, type ServerProcess } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { askOverUdp, frame, type Datagram } from '../support/udp.ts';
import { until } from '../support/until.ts';

const MEGABYTE = 1024 * 1024;
const VALUE_BYTES = MEGABYTE - 1000;
/** What came for the datagrams was 2 GB. */
const GROWTH_BYTES_MAX = 200 * MEGABYTE;
const TOO_LARGE = 'SERVER_ERROR response too large for UDP\r\n';
const NOT_OVER_UDP = 'SERVER_ERROR not available over UDP\r\n';
const TOKEN = 'the-token';
const FLOODERS = 8;
const PROBES = 50;
/** WS-Discovery: a port that needs no right to be had. */
const REFLECTOR_PORT = 3702;

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
const HOSTS = hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];

/** The most memory that a process has had, in bytes. */
function peakBytes(pid: number): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;
}

async function ask(client: RawClient, data: string, end: string): Promise<string> {
  await client.send([Buffer.from(data, 'latin1')]);
  return (await client.receiveUntil(Buffer.from(end))).toString('latin1');
}

function runSuite(kind: ProcessKind, host: string): void {
  describe(`${kind.name}, ${host}`, () => {
    let server: ServerProcess;
    let client: RawClient;
    let port = 0;

    beforeEach(async () => {
      port = await freePort();
      process.env['MEMFLEET_CONFIG_TOKEN'] = TOKEN;
      server = await kind.start(['-U', String(port), ...(host.includes(':') ? ['-l', '127.0.0.1,[::1]'] : [])]);
      delete process.env['MEMFLEET_CONFIG_TOKEN'];
      client = await RawClient.connect(server.port);
      await ask(client, `set k 0 0 ${VALUE_BYTES}\r\n${'x'.repeat(VALUE_BYTES)}\r\n`, 'STORED\r\n');
      await ask(client, 'set s 0 0 1\r\n1\r\n', 'STORED\r\n');
    });

    afterEach(async () => {
      client.destroy();
      await server.stop();
    });

    function udp(...datagrams: (string | Buffer)[]): Promise<Datagram[]> {
      return askOverUdp({ port, host }, ...datagrams.map((data) => frame(7, data.toString('latin1'))));
    }

    async function dropped(): Promise<number> {
      return Number(/memfleet_udp_dropped (\d+)/.exec(await ask(client, 'stats\r\n', 'END\r\n'))?.[1]);
    }

    test('a datagram of many keys takes neither memory nor time, in any protocol', async () => {
      const before = peakBytes(server.pid);
      const alone = [{ id: 7, sequence: 0, total: 1, data: TOO_LARGE }];
      expect(await udp(`get${' k'.repeat(1000)}\r\n`)).toEqual(alone);
      expect(await udp(`get${' k'.repeat(29_000)}\r\n`)).toEqual(alone);
      for (const get of ['mg k v\r\n', request(Opcode.GETK, { key: 'k' }).toString('latin1')]) {
        const came = await udp(get.repeat(1000));
        // Some of so many are lost on the way.
        expect(came.length).toBeGreaterThan(0);
        expect(came.length).toBeLessThanOrEqual(UDP_ANSWER_DATAGRAMS_MAX);
        expect(came[0]?.total).toBe(Math.ceil((VALUE_BYTES + 36) / 1392));
      }
      expect(await ask(client, 'get s\r\n', 'END\r\n')).toBe('VALUE s 0 1\r\n1\r\nEND\r\n');
      expect(peakBytes(server.pid) - before).toBeLessThan(GROWTH_BYTES_MAX);
      expect(await dropped()).toBeGreaterThanOrEqual(2);
    });

    test('many small answers are bounded, too', async () => {
      const came = await udp('version\r\n'.repeat(6000));
      expect(came.length).toBeLessThanOrEqual(UDP_ANSWER_DATAGRAMS_MAX);
      expect(came[0]?.data).toMatch(/^VERSION /);
      expect(await dropped()).toBeGreaterThanOrEqual(1);
    });

    test('a flood that does not end leaves the connections their turns', async () => {
      const flooder = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      const ask1000 = frame(7, `get${' s'.repeat(1000)}\r\n`);
      let flooding = true;
      const flood = (): void => {
        if (flooding) flooder.send(ask1000, port, host, () => setImmediate(flood));
      };
      flooder.on('message', () => {});
      for (let i = 0; i < FLOODERS; i++) flood();
      for (let i = 0; i < PROBES; i++) expect(await ask(client, 'get s\r\n', 'END\r\n')).toMatch(/^VALUE s /);
      flooding = false;
      flooder.close();
    });

    test('what a server answers is not answered: two of them do not keep each other going', async () => {
      const echo = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      let echoed = 0;
      echo.on('message', (message, { port: from, address }) => {
        echoed++;
        echo.send(message, from, address);
      });
      await new Promise<void>((resolve) => echo.bind(0, host, resolve));
      for (const data of [
        'version\r\n',
        'bogus\r\n',
        'get s\r\n',
        'incr s 1\r\n',
        'mg s v\r\n',
        'mn\r\n',
        'stats sizes\r\n',
      ]) {
        echo.send(frame(7, data), port, host);
      }
      echo.send(frame(7, request(Opcode.NOOP).toString('latin1')), port, host);
      await until('each came back once', async () => (await dropped()) === 8);
      expect(await udp('get s\r\n')).toHaveLength(1);
      expect([echoed, await dropped()]).toEqual([8, 8]);
      echo.close();
    });

    test('a port that no client has is sent nothing', async () => {
      expect(await askOverUdp({ port, host, from: REFLECTOR_PORT }, frame(7, 'version\r\n'))).toEqual([]);
      expect(await dropped()).toBe(1);
    });

    test('what needs a connection is refused: tokens, streams, watching', async () => {
      const config = `config set cluster 0 1 ${TOKEN}\r\n1\r\n`;
      const answers = await udp(config, 'lru_crawler metadump all\r\n', 'watch fetchers\r\n');
      expect(answers.map(({ data }) => data)).toEqual([NOT_OVER_UDP, NOT_OVER_UDP, NOT_OVER_UDP]);
      expect(await ask(client, 'config get cluster\r\n', 'END\r\n')).toBe('END\r\n');
    });
  });
}

for (const kind of ourDaemons()) for (const host of HOSTS) runSuite(kind, host);
