/**
 * Goal: `-Z` does what memcached's does: who gets in, with which versions and certificates, and what is counted. Method:
 * certificates made by openssl, our daemon on each runtime, and clients of `node:tls`.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort, ourDaemons, type Server, type ServerKind } from '../conformance/driver.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

let folder = '';

function file(name: string): string {
  return join(folder, name);
}

/** A key and a certificate that it signed itself. */
function makeCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-days', '2'];
  const keep = ['-nodes', '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...keep, ...subject], { stdio: 'ignore' });
}

/** What a server says of a socket: everything until it closes, or until `enough` of it has come. */
function answerOf(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const done = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (enough(text)) done();
    });
    socket.on('error', done);
    socket.on('close', done);
  });
}

/** Sends over TLS; resolves with what came, and with whose certificate and which version it was. */
async function ask(
  port: number,
  request: string,
  end: string,
  options: ConnectionOptions = {},
): Promise<{ text: string; name: string | undefined; version: string | null }> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let name: string | undefined;
  let version: string | null = null;
  socket.once('secureConnect', () => {
    name = String(socket.getPeerCertificate().subject?.CN);
    version = socket.getProtocol();
    socket.write(request);
  });
  const text = await answerOf(socket, (soFar) => soFar.endsWith(end));
  return { text, name, version };
}

function askPlain(port: number, request: string, end: string): Promise<string> {
  const socket = connectPlain({ port, host: '127.0.0.1' });
  socket.write(request);
  return answerOf(socket, (soFar) => soFar.endsWith(end));
}

async function stat(plain: number, name: string): Promise<string | undefined> {
  const text = await askPlain(plain, 'stats\r\n', 'END\r\n');
  return new RegExp(`STAT ${name} (\\S+)`).exec(text)?.[1];
}

const VERSION = 'version\r\n';
const END = '\r\n';

function runSuite(kind: ServerKind): void {
  describe(kind.name, () => {
    let server: Server | undefined;
    let port = 0;

    /** Starts a daemon with TLS on `port`; resolves with another port, on which it speaks without, once both answer. */
    async function start(options: string, name = 'cert'): Promise<number> {
      const plain = await freePort();
      const all = `ssl_chain_cert=${file(`${name}.pem`)},ssl_key=${file(`${name}.key`)}${options}`;
      server = await kind.start(['-l', `notls:127.0.0.1:${plain}`, '-Z', '-o', all]);
      ({ port } = server);
      await until('the plain port answers', async () => (await askPlain(plain, VERSION, END)) !== '');
      return plain;
    }

    afterEach(async () => {
      await server?.stop();
      server = undefined;
    });

    test('answers over TLS, large values too, and without it where notls: says so', async () => {
      const plain = await start('');
      const value = 'x'.repeat(1_000_000);
      await ask(port, `set a 0 0 ${value.length}\r\n${value}\r\n`, 'STORED\r\n');
      const { text, name, version } = await ask(port, `get ${'a '.repeat(8)}\r\n`, 'END\r\n');
      expect(text.length).toBe(8 * (`VALUE a 0 ${value.length}\r\n\r\n`.length + value.length) + 'END\r\n'.length);
      expect([name, version]).toEqual(['cert', 'TLSv1.3']);
      expect(await askPlain(plain, VERSION, END)).toMatch(/^VERSION /);
    });

    test('plain text on its port and an old version are refused and counted', async () => {
      const plain = await start(',ssl_min_version=3,ssl_session_cache');
      const errors = async (): Promise<number> => Number(await stat(plain, 'ssl_handshake_errors'));
      // Whoever starts a daemon waits until it accepts, with a connection that it closes without a handshake.
      await until('a client that left is counted', async () => (await errors()) === 1);
      expect(await askPlain(port, VERSION, END)).not.toContain('VERSION');
      expect((await ask(port, VERSION, END, { maxVersion: 'TLSv1.2' })).text).toBe('');
      expect((await ask(port, VERSION, END)).text).toMatch(/^VERSION /);
      await until('both are counted', async () => (await errors()) === 3);
      expect(await stat(plain, 'ssl_new_sessions')).toBe('1');
    });

    test('speaks the ciphers that it was told', async () => {
      await start(',ssl_ciphers=ECDHE-RSA-AES256-GCM-SHA384');
      const others = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
      expect((await ask(port, VERSION, END, others)).text).toBe('');
      expect((await ask(port, VERSION, END, { maxVersion: 'TLSv1.2' })).text).toMatch(/^VERSION /);
      expect((await ask(port, VERSION, END)).version).toBe('TLSv1.3');
    });

    test('btls: asks for no certificate, mtls: insists on one, whatever the verify mode', async () => {
      const [basic, mutual] = [await freePort(), await freePort()];
      const files = `ssl_chain_cert=${file('cert.pem')},ssl_key=${file('cert.key')},ssl_ca_cert=${file('cert.pem')}`;
      const listen = `btls:127.0.0.1:${basic},mtls:127.0.0.1:${mutual}`;
      server = await kind.start(['-l', listen, '-Z', '-o', `${files},ssl_verify_mode=1`]);
      const certificate = { cert: readFileSync(file('cert.pem')), key: readFileSync(file('cert.key')) };
      await until('both listen', async () => (await ask(mutual, VERSION, END, certificate)).text !== '');
      expect((await ask(basic, VERSION, END)).text).toMatch(/^VERSION /);
      expect((await ask(mutual, VERSION, END, certificate)).text).toMatch(/^VERSION /);
      expect((await ask(mutual, VERSION, END)).text).toBe('');
    });

    test.each([
      [1, true],
      [2, false],
      [3, false],
    ])('verify mode %i lets in who has a certificate that is believed; none at all: %o', async (mode, withoutToo) => {
      await start(`,ssl_verify_mode=${mode},ssl_ca_cert=${file('cert.pem')}`);
      const client = (name: string): ConnectionOptions => ({
        cert: readFileSync(file(`${name}.pem`)),
        key: readFileSync(file(`${name}.key`)),
      });
      expect((await ask(port, VERSION, END, client('cert'))).text).toMatch(/^VERSION /);
      expect((await ask(port, VERSION, END, client('other'))).text).toBe('');
      expect((await ask(port, VERSION, END)).text.startsWith('VERSION ')).toBe(withoutToo);
    });

    test('refresh_certs takes new certificates for new connections, and keeps the old ones if the new are no good', async () => {
      copyFileSync(file('cert.pem'), file('now.pem'));
      copyFileSync(file('cert.key'), file('now.key'));
      const plain = await start('', 'now');

      copyFileSync(file('other.pem'), file('now.pem'));
      expect(await askPlain(plain, 'refresh_certs\r\n', END)).toMatch(/^Error /);
      expect((await ask(port, VERSION, END)).name).toBe('cert');
      copyFileSync(file('other.key'), file('now.key'));
      expect(await askPlain(plain, 'refresh_certs\r\n', END)).toBe('OK\r\n');
      expect((await ask(port, VERSION, END)).name).toBe('other');
    });
  });
}

describeWith(['openssl'], 'TLS', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'memfleet-tls-'));
    makeCertificate('cert');
    makeCertificate('other');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const kind of ourDaemons()) runSuite(kind);
});
