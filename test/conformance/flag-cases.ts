/**
 * What flags do that no transcript and no statistic shows, as data: which rows of docs/compatibility.md a case is about,
 * the flags, and what is seen then of memcached and of our daemon alike.
 */
import { readFileSync, statSync } from 'node:fs';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import { tcp, tls, unix, type Ask } from '../support/ways.ts';

/** A server that was started with a case's flags. */
export interface Subject {
  pid: number;
  /** What it wrote into MEMCACHED_PORT_FILENAME, a line for each port. */
  ports: readonly string[];
  /** Where the case may have files; certificates `node.pem` and `node.key` are there. */
  folder: string;
}

export interface FlagCase {
  rows: readonly string[];
  flags(folder: string): readonly string[];
  /** The flags leave a Unix socket alone, at `socket` in the folder. */
  isUnix?: boolean;
  needsRoot?: boolean;
  observe(subject: Subject): Promise<unknown>;
  expected: unknown;
}

const VERSION = Buffer.from('version\r\n');
const LINE_END = (answer: string): boolean => answer.endsWith('\r\n');

function portOf({ ports }: Subject): number {
  return Number(/^TCP INET: (\d+)$/m.exec(ports.join('\n'))?.[1]);
}

/** The ports' kinds; which one the system chose is its own affair. */
async function kinds({ ports }: Subject): Promise<string[]> {
  return ports.map((line) => line.replace(/\d+$/, 'N')).toSorted();
}

async function isServed(ask: Ask): Promise<boolean> {
  return (await ask(VERSION, LINE_END)).startsWith('VERSION ');
}

/** Settings by name, of those that are asked for. */
async function settings(ask: Ask, names: RegExp): Promise<string[]> {
  const answer = await ask(Buffer.from('stats settings\r\n'), (text) => text.endsWith('END\r\n'));
  return answer.split('\r\n').filter((line) => names.test(line));
}

/** Whether a client of this version of TLS, without a certificate, is served. */
function servesTls(port: number, maxVersion: SecureVersion): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion });
    socket.on('secureConnect', () => socket.write(VERSION));
    socket.on('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}

function tlsFlags(folder: string, more = ''): string[] {
  return ['-p', '-1', '-Z', '-o', `ssl_chain_cert=${folder}/node.pem,ssl_key=${folder}/node.key${more}`];
}

const PORT = ['-p, --port'];

export const FLAG_CASES: readonly FlagCase[] = [
  { rows: PORT, flags: () => ['-p', '0'], observe: kinds, expected: [] },
  { rows: PORT, flags: () => ['-p', '-1'], observe: kinds, expected: ['TCP INET: N'] },
  { rows: PORT, flags: () => ['-U', '-1'], observe: kinds, expected: ['TCP INET: N', 'UDP INET: N'] },
  { rows: PORT, flags: () => ['-p', '0', '-U', '-1'], observe: kinds, expected: ['UDP INET: N'] },
  { rows: PORT, flags: () => ['-p', '0', '-l', '127.0.0.1:0'], observe: kinds, expected: [] },
  {
    rows: PORT,
    flags: () => ['-p', '-1', '-U', '-1', '-l', '127.0.0.2:-1'],
    observe: kinds,
    expected: ['TCP INET: N', 'TCP INET: N', 'UDP INET: N', 'UDP INET: N'],
  },
  {
    rows: ['-s, --unix-socket', '-a, --unix-mask'],
    flags: (folder) => ['-s', `${folder}/socket`, '-a', '0666', '-U', '7'],
    isUnix: true,
    observe: async ({ folder }) => ({
      mode: (statSync(`${folder}/socket`).mode & 0o777).toString(8),
      settings: await settings(unix(`${folder}/socket`), /umask|tcpport|udpport/),
    }),
    expected: { mode: '666', settings: ['STAT tcpport 7', 'STAT udpport 7', 'STAT umask 666'] },
  },
  {
    rows: ['-U, --udp-port'],
    flags: () => ['-p', '-1', '-U', '-1'],
    observe: async (subject) => {
      const answer = await tcp(portOf(subject))(Buffer.from('stats conns\r\n'), (text) => text.endsWith('END\r\n'));
      const [, id = ''] = /STAT (\d+):UDP UDP\r\n/.exec(answer) ?? [];
      const lines = answer.split('\r\n').filter((line) => line.startsWith(`STAT ${id}:`));
      return lines.map((line) => line.replace(`${id}:`, '').replace(/:?\d+$/, 'N'));
    },
    expected: ['STAT UDP UDP', 'STAT addr udp:127.0.0.1N', 'STAT state conn_read', 'STAT secs_since_last_cmd N'],
  },
  {
    rows: ['-u, --user'],
    flags: () => ['-p', '-1', '-u', 'nobody'],
    needsRoot: true,
    observe: async ({ pid }) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
    expected: /^nobody:[^:]*:(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1],
  },
  {
    rows: ['-B, --protocol'],
    flags: () => ['-p', '-1', '-B', 'binary'],
    // As long as a packet's head, so that it is judged.
    observe: async (subject) => await tcp(portOf(subject))(Buffer.from('version\r\n'.repeat(3)), LINE_END),
    expected: '',
  },
  {
    rows: ['-B, --protocol'],
    flags: () => ['-p', '-1', '-B', 'ascii'],
    observe: async (subject) => await settings(tcp(portOf(subject)), /binding_protocol/),
    expected: ['STAT binding_protocol ascii'],
  },
  {
    rows: ['-Z, --enable-ssl', 'ssl_chain_cert', 'ssl_key'],
    flags: (folder) => tlsFlags(folder),
    observe: async (subject) => ({
      tls: await isServed(tls(portOf(subject))),
      settings: await settings(tls(portOf(subject)), /ssl_(enabled|verify_mode|min_version)/),
    }),
    expected: {
      tls: true,
      settings: ['STAT ssl_enabled yes', 'STAT ssl_verify_mode 0', 'STAT ssl_min_version tlsv1.2'],
    },
  },
  {
    rows: ['ssl_min_version'],
    flags: (folder) => tlsFlags(folder, ',ssl_min_version=3'),
    observe: async (subject) => [
      await servesTls(portOf(subject), 'TLSv1.2'),
      await servesTls(portOf(subject), 'TLSv1.3'),
    ],
    expected: [false, true],
  },
  {
    rows: ['ssl_verify_mode', 'ssl_ca_cert'],
    flags: (folder) => tlsFlags(folder, `,ssl_verify_mode=2,ssl_ca_cert=${folder}/node.pem`),
    observe: async (subject) => await servesTls(portOf(subject), 'TLSv1.2'),
    expected: false,
  },
];
