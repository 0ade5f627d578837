/**
 * Hostile clients of `-Z`. Goal: who connects and says nothing shuts nobody out, neither of the port with TLS nor of the
 * one without, and is cut off; nobody has the handshake's work done again and again. Method: our daemon on each runtime,
 * thousands of silent connections, and openssl's client.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TLS_HANDSHAKES_MAX } from '../../src/daemon/limits.ts';
import { freePort, ourDaemons, type ProcessKind, type ServerProcess } from '../conformance/driver.ts';
import { describeWith } from '../support/requirements.ts';
import { askOverTls, askPlain, makeCertificate, statOf } from '../support/tls.ts';
import { until } from '../support/until.ts';

const VERSION = 'version\r\n';
const END = '\r\n';
const SILENT = 3300;
/** Connections opened at once: fewer than the backlog, so that none waits for a retry. */
const AT_ONCE = 300;

let folder = '';

interface SilentClient {
  readonly socket: Socket;
  closed: boolean;
}

function openSilent(port: number): Promise<SilentClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(client));
    const client: SilentClient = { socket, closed: false };
    socket.on('error', reject);
    socket.on('close', () => (client.closed = true));
    socket.resume();
  });
}

/** What openssl's client says when it asks for a renegotiation with TLS 1.2 after a request. */
async function renegotiate(port: number): Promise<string> {
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2']);
  let said = '';
  const note = (chunk: Buffer): void => void (said += chunk.toString('latin1'));
  client.stdout.on('data', note);
  client.stderr.on('data', note);
  client.stdin.on('error', () => {});
  const ended = new Promise((resolve) => client.once('close', resolve));
  // A line that is `R` alone is openssl's, and only looked at when it comes by itself.
  client.stdin.write('version\n');
  await until('it is answered', () => said.includes('VERSION '));
  client.stdin.write('R\n');
  await until('it asks again', () => said.includes('RENEGOTIATING'));
  await until('it is told something', () => said.includes('renegotiation') || said.split('verify return').length > 3);
  client.kill('SIGKILL');
  await ended;
  return said;
}

function runSuite(kind: ProcessKind): void {
  describe(kind.name, () => {
    let server: ServerProcess | undefined;
    let plain = 0;

    async function start(): Promise<number> {
      plain = await freePort();
      const files = `ssl_chain_cert=${join(folder, 'cert.pem')},ssl_key=${join(folder, 'cert.key')}`;
      server = await kind.start(['-l', `notls:127.0.0.1:${plain}`, '-Z', '-o', files]);
      await until('the plain port answers', async () => (await askPlain(plain, VERSION, END)) !== '');
      return server.port;
    }

    afterEach(async () => {
      await server?.stop();
      server = undefined;
    });

    test('silent handshakes shut nobody out, are bounded, and are cut off in time', { timeout: 60_000 }, async () => {
      const port = await start();
      const silent: SilentClient[] = [];
      while (silent.length < SILENT) {
        const batch = Array.from({ length: Math.min(AT_ONCE, SILENT - silent.length) }, () => openSilent(port));
        silent.push(...(await Promise.all(batch)));
        expect((await askOverTls(port, VERSION, END)).text).toMatch(/^VERSION /);
      }
      const open = (): number => silent.filter(({ closed }) => !closed).length;
      await until('no more are under way than may be', () => open() <= TLS_HANDSHAKES_MAX);
      expect((await askOverTls(port, VERSION, END)).text).toMatch(/^VERSION /);
      expect(await askPlain(plain, VERSION, END)).toMatch(/^VERSION /);
      expect(Number(await statOf(plain, 'memfleet_ssl_handshakes_dropped'))).toBeGreaterThanOrEqual(
        SILENT - TLS_HANDSHAKES_MAX,
      );
      await until('the rest had their time', () => open() === 0, 40_000);
      await until('all are counted', async () => Number(await statOf(plain, 'ssl_handshake_errors')) >= SILENT);
      expect((await askOverTls(port, VERSION, END)).text).toMatch(/^VERSION /);
    });

    test('a client may not renegotiate', async () => {
      const said = await renegotiate(await start());
      expect(said).toMatch(/no renegotiation/);
    });
  });
}

describeWith(['openssl'], 'TLS among strangers', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'memfleet-tls-'));
    makeCertificate(folder, 'cert');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const kind of ourDaemons()) runSuite(kind);
});
