/** What tests of `-Z` need: certificates made by openssl, and clients that say what a server told them. */
import { execFileSync } from 'node:child_process';
import { connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** A key and a certificate that it signed itself, as `NAME.key` and `NAME.pem` in a folder. */
export function makeCertificate(folder: string, name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-days', '2'];
  const keep = ['-nodes', '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)];
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
export async function askOverTls(
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

/** Sends without TLS; resolves with what came. */
export function askPlain(port: number, request: string, end: string): Promise<string> {
  const socket = connectPlain({ port, host: '127.0.0.1' });
  socket.write(request);
  return answerOf(socket, (soFar) => soFar.endsWith(end));
}

/** One general statistic, asked for without TLS. */
export async function statOf(port: number, name: string): Promise<string | undefined> {
  return new RegExp(`STAT ${name} (\\S+)`).exec(await askPlain(port, 'stats\r\n', 'END\r\n'))?.[1];
}
