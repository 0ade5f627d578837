/**
 * Goal: what a flag forbids is forbidden whatever the protocol and the way in. Method: a table of everything that each
 * flag forbids in the text, meta and binary protocol, tried at real processes over TCP, UDP, a Unix socket and TLS; then
 * it is seen that nothing has happened. memcached is asked the same where it is as new as what our daemon is held to.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Opcode, Status } from '../../src/protocol/binary/opcodes.ts';
import { arithmetic, request, storage, words } from '../conformance/binary-packets.ts';
import { atLeast, freePort, installedMemcached, ourDaemons } from '../conformance/driver.ts';
import type { Server, ServerKind } from '../conformance/driver.ts';
import { makeCertificate } from '../support/tls.ts';
import { tcp, tls, udp, unix, type Ask } from '../support/ways.ts';

/** The memcached that forbids all of this; older ones let some of it pass. */
const STRICT_VERSION = '1.6.45';
const KEPT = 'x'.repeat(1000);
const LARGE = 'y'.repeat(3000);
const LINE = /\r\n$/;

interface Attempt {
  name: string;
  send: string | Buffer;
  /** The text that refuses it, or the status of a packet. */
  refused: RegExp | Status;
}

function text(line: string, refused: RegExp): Attempt {
  return { name: line.slice(0, 40), send: `${line}\r\n`, refused };
}

function binary(name: string, send: Buffer, refused: Status): Attempt {
  return { name: `binary ${name}`, send, refused };
}

/** What -X, -F, -W, -C, -I and the absence of -A forbid. */
const FORBIDDING = ['-X', '-F', '-W', '-C', '-I', '2k', '-o', 'slab_chunk_max=1'];
const FORBIDDEN: readonly Attempt[] = [
  ...['on', 'off', 'dump'].map((what) => text(`stats detail ${what}`, /^CLIENT_ERROR stats detail not allowed\r\n$/)),
  text('stats cachedump 1 0', /^CLIENT_ERROR stats cachedump not allowed\r\n$/),
  text('lru_crawler metadump all', /^ERROR metadump not allowed\r\n$/),
  text('lru_crawler mgdump all', /^ERROR key dump not allowed\r\n$/),
  text('flush_all', /^CLIENT_ERROR flush_all not allowed\r\n$/),
  text('flush_all 0', /^CLIENT_ERROR flush_all not allowed\r\n$/),
  text('watch', /^CLIENT_ERROR watch commands not allowed\r\n$/),
  text('watch mutations', /^CLIENT_ERROR watch commands not allowed\r\n$/),
  text('shutdown', /shutdown not enabled\r\n$/),
  text('shutdown graceful', /shutdown not enabled\r\n$/),
  text(`set large 0 0 ${LARGE.length}\r\n${LARGE}`, /^SERVER_ERROR object too large for cache\r\n$/),
  text(`add large 0 0 ${LARGE.length}\r\n${LARGE}`, /^SERVER_ERROR object too large for cache\r\n$/),
  text(`ms large ${LARGE.length}\r\n${LARGE}`, /^SERVER_ERROR object too large for cache\r\n$/),
  ...['on', 'off', 'dump'].map((what) =>
    binary(`stat detail ${what}`, request(Opcode.STAT, { key: `detail ${what}` }), Status.KEY_NOT_FOUND),
  ),
  binary('flush', request(Opcode.FLUSH), Status.AUTH_ERROR),
  binary('flush with a delay', request(Opcode.FLUSH, { extras: words(0) }), Status.AUTH_ERROR),
  binary('flushq', request(Opcode.FLUSHQ), Status.AUTH_ERROR),
  binary('set', request(Opcode.SET, { key: 'large', extras: storage(), value: LARGE }), Status.TOO_LARGE),
  binary('addq', request(Opcode.ADDQ, { key: 'large', extras: storage(), value: LARGE }), Status.TOO_LARGE),
];

/** What is refused with the crawler and the page mover switched off. */
const SWITCHED_OFF = ['-o', 'no_lru_crawler,no_slab_reassign'];
const OFF: readonly Attempt[] = [
  text('lru_crawler crawl all', /^CLIENT_ERROR lru crawler disabled\r\n$/),
  text('lru_crawler metadump all', /^CLIENT_ERROR lru crawler disabled\r\n$/),
  text('lru_crawler mgdump hash', /^CLIENT_ERROR lru crawler disabled\r\n$/),
  text('slabs reassign 1 2', /^CLIENT_ERROR slab reassignment disabled\r\n$/),
];

const LINES = [
  'get kept', 'gets kept', 'gat 0 kept', 'touch kept 0', 'delete kept', 'incr kept 1', 'flush_all', 'stats', 'version',
  'stats detail on', 'verbosity 1', 'shutdown', 'watch', 'lru_crawler metadump all', 'cache_memlimit 8', 'config get cluster',
  'slabs automove 0', 'lru mode flat', 'mg kept v', 'md kept', 'ma kept', 'me kept', 'add a 0 0 1', 'ms a 1',
  ' get kept', 'GET kept', 'get\tkept',
]; // prettier-ignore

/** -Y lets nobody do anything who has not logged in. */
const UNAUTHENTICATED = LINES.map((line) => text(line, /^CLIENT_ERROR unauthenticated\r\n$/));

const PACKETS: readonly [string, Buffer][] = [
  ['get', request(Opcode.GET, { key: 'kept' })],
  ['getkq', request(Opcode.GETKQ, { key: 'kept' })],
  ['set', request(Opcode.SET, { key: 'a', extras: storage(), value: '1' })],
  ['setq', request(Opcode.SETQ, { key: 'a', extras: storage(), value: '1' })],
  ['append', request(Opcode.APPEND, { key: 'kept', value: '1' })],
  ['delete', request(Opcode.DELETE, { key: 'kept' })],
  ['increment', request(Opcode.INCREMENT, { key: 'n', extras: arithmetic(1n, 1n, 0) })],
  ['touch', request(Opcode.TOUCH, { key: 'kept', extras: words(0) })],
  ['gat', request(Opcode.GAT, { key: 'kept', extras: words(0) })],
  ['flush', request(Opcode.FLUSH)],
  ['stat', request(Opcode.STAT)],
  ['stat detail', request(Opcode.STAT, { key: 'detail on' })],
  ['noop', request(Opcode.NOOP)],
];

/** So does -S, in the only protocol that it leaves. */
const NO_SASL = PACKETS.map(([name, packet]) => binary(name, packet, Status.AUTH_ERROR));

/** Whole answers: a line of text, or a packet, or nothing more because it was closed. */
function isWhole({ refused }: Attempt): (answer: string) => boolean {
  return refused instanceof RegExp ? (answer) => LINE.test(answer) : (answer) => answer.length >= 24;
}

async function expectRefused(ask: Ask, attempt: Attempt): Promise<void> {
  const { send, refused } = attempt;
  const answer = await ask(Buffer.isBuffer(send) ? send : Buffer.from(send, 'latin1'), isWhole(attempt));
  if (refused instanceof RegExp) expect(answer, attempt.name).toMatch(refused);
  else expect(Buffer.from(answer, 'latin1').readUInt16BE(6), attempt.name).toBe(refused);
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-restrictions-'));
  // memcached gives up root before it opens what is there.
  chmodSync(folder, 0o777);
  makeCertificate(folder, 'node');
  for (const name of ['node.key', 'node.pem']) chmodSync(join(folder, name), 0o644);
  writeFileSync(join(folder, 'users'), 'user:secret\n');
  process.env['MEMCACHED_SASL_PWDB'] = join(folder, 'users');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  delete process.env['MEMCACHED_SASL_PWDB'];
});

interface Started {
  server: Server;
  ways: Record<string, Ask>;
}

const TRANSPORTS = ['tcp', 'unix', 'tls'] as const;
type Transport = (typeof TRANSPORTS)[number];

let sockets = 0;

/** A server that is reached so; over TCP by UDP as well, if its flags allow that. */
async function start(
  kind: ServerKind,
  transport: Transport,
  flags: readonly string[],
  withUdp: boolean,
): Promise<Started> {
  if (transport === 'unix') {
    const path = join(folder, `socket-${(sockets += 1)}`);
    return { server: await kind.start([...flags, '-s', path]), ways: { unix: unix(path) } };
  }
  if (transport === 'tls') {
    const files = `ssl_chain_cert=${join(folder, 'node.pem')},ssl_key=${join(folder, 'node.key')}`;
    const server = await kind.start([...flags, '-Z', '-o', files]);
    return { server, ways: { tls: tls(server.port) } };
  }
  const udpPort = await freePort();
  const server = await kind.start(withUdp ? [...flags, '-U', String(udpPort)] : flags);
  return { server, ways: { tcp: tcp(server.port), ...(withUdp ? { udp: udp(udpPort) } : {}) } };
}

const isEnd = (answer: string): boolean => answer.endsWith('END\r\n');

interface Group {
  name: string;
  flags: () => string[];
  attempts: readonly Attempt[];
  withUdp: boolean;
  /** memcached needs libsasl to be set up for it. */
  oursOnly?: boolean;
  /** Before the attempts, and what must be so behind them. */
  prepare?: string;
  check?: (ask: Ask) => Promise<void>;
}

/** memcached's own way back in after a login, to see what it holds. */
const LOGIN = 'set auth 0 0 11\r\nuser secret\r\n';

const GROUPS: readonly Group[] = [
  {
    name: FORBIDDING.join(' '),
    flags: () => FORBIDDING,
    attempts: FORBIDDEN,
    withUdp: true,
    prepare: `set kept 0 0 ${KEPT.length}\r\n${KEPT}\r\n`,
    check: async (ask) => {
      expect(await ask(Buffer.from('gets kept\r\n'), isEnd)).toBe(`VALUE kept 0 1000 0\r\n${KEPT}\r\nEND\r\n`);
      expect(await ask(Buffer.from('get large\r\n'), isEnd)).toBe('END\r\n');
      expect(await ask(Buffer.from('mg kept c\r\n'), (answer) => LINE.test(answer))).toBe('HD c0\r\n');
      const packet = await ask(request(Opcode.GET, { key: 'kept' }), (answer) => answer.length >= 24 + 4 + KEPT.length);
      expect(Buffer.from(packet, 'latin1').readBigUInt64BE(16)).toBe(0n);
      expect(await ask(Buffer.from('stats settings\r\n'), isEnd)).toContain('STAT detail_enabled no\r\n');
    },
  },
  { name: SWITCHED_OFF.join(' '), flags: () => SWITCHED_OFF, attempts: OFF, withUdp: true },
  {
    name: '-Y',
    flags: () => ['-Y', join(folder, 'users')],
    attempts: UNAUTHENTICATED,
    withUdp: false,
    check: async (ask) => {
      const answer = await ask(Buffer.from(`${LOGIN}get kept a\r\nstats settings\r\n`), (so) =>
        /settings|END\r\n[^]*END\r\n$/.test(so),
      );
      expect(answer).toMatch(/^STORED\r\nEND\r\nSTAT /);
      expect(answer).toContain('STAT detail_enabled no\r\n');
    },
  },
  { name: '-S', flags: () => ['-S'], attempts: NO_SASL, withUdp: false, oursOnly: true },
];

function runGroup(kind: ServerKind, transport: Transport, group: Group): void {
  test(`${group.name} over ${transport}`, async () => {
    const { server, ways } = await start(kind, transport, group.flags(), group.withUdp);
    try {
      for (const [way, ask] of Object.entries(ways)) {
        const { prepare } = group;
        if (prepare !== undefined)
          expect(await ask(Buffer.from(prepare), (so) => LINE.test(so)), way).toBe('STORED\r\n');
        await Promise.all(group.attempts.map((attempt) => expectRefused(ask, attempt)));
        await group.check?.(ask);
      }
    } finally {
      await server.stop();
    }
  });
}

const FLAGS_OF_PROTOCOLS: readonly (readonly string[])[] = [
  ['-B', 'ascii'],
  ['-B', 'binary'],
];

/** -B and proto[…] leave one protocol: the other's requests are not carried out. */
function runProtocols(kind: ServerKind): void {
  test.each(FLAGS_OF_PROTOCOLS)('%s %s leaves one protocol, over UDP too', async (...flags) => {
    const { server, ways } = await start(kind, 'tcp', flags, true);
    try {
      await Promise.all(Object.entries(ways).map(([way, ask]) => expectOneProtocol(way, ask, flags[1] === 'ascii')));
    } finally {
      await server.stop();
    }
  });
}

async function expectOneProtocol(way: string, ask: Ask, isAscii: boolean): Promise<void> {
  if (!isAscii) return expect((await ask(request(Opcode.NOOP), (so) => so.length >= 24)).charCodeAt(0)).toBe(0x81);
  // By UDP nothing is answered to what is no command; datagrams are taken in the order in which they come.
  const set = request(Opcode.SET, { key: 'forbidden', extras: storage(), value: '1' });
  await ask(Buffer.concat([set, Buffer.from('\r\n')]), (so) => way === 'udp' || so.endsWith('ERROR\r\n'));
  expect(await ask(Buffer.from('get forbidden\r\n'), (so) => LINE.test(so))).toBe('END\r\n');
}

const memcached = installedMemcached();
const strict = memcached !== undefined && atLeast(memcached.version, STRICT_VERSION) ? [memcached] : [];

for (const kind of [...ourDaemons(), ...strict]) {
  describe.concurrent(kind.name, () => {
    for (const transport of TRANSPORTS)
      for (const group of GROUPS) {
        if (kind !== memcached || group.oursOnly !== true) runGroup(kind, transport, group);
      }
    if (kind !== memcached) runProtocols(kind);
  });
}
