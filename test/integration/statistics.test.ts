/**
 * Goal: after the same flags and the same load our daemon tells what memcached tells. Method: both get one stream of
 * requests of all three protocols; then every statistic that docs/compatibility.md calls the same must have the same
 * value, and come in the same order. What depends on the clock, the process or the moment is compared by its form.
 */
import { expect, test } from 'vitest';
import { request, requests, storage, words } from '../conformance/binary-packets.ts';
import { rowsOf } from '../conformance/compatibility-page.ts';
import { BLOCKS, STATISTICS_FLAGS } from '../conformance/statistics.ts';
import {
  COMPARABLE_VERSION,
  REFERENCE_VERSION,
  atLeast,
  ourDaemons,
  referenceMemcached,
} from '../conformance/driver.ts';
import type { ServerKind } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { describeWith } from '../support/requirements.ts';

type Block = keyof typeof BLOCKS;

/** Of the clock, the process or the moment: the name's end → the form that both must have. */
const FORMS: Record<string, RegExp> = {
  pid: /^\d+$/,
  uptime: /^\d+$/,
  time: /^\d{10}$/,
  tcpport: /^\d+$/,
  oldest: /^10\d\d$|^0$/,
  'N:addr': /^tcp:127\.0\.0\.1:\d+$/,
  'N:listen_addr': /^tcp:127\.0\.0\.1:\d+$/,
  'N:secs_since_last_cmd': /^\d+$/,
  // Of how reads fall.
  conn_yields: /^\d+$/,
  // memcached's own threads do these in their own time.
  lru_crawler_running: /^[01]$/,
  lrutail_reflocked: /^\d+$/,
  moves_to_warm: /^\d+$/,
  moves_within_lru: /^\d+$/,
  'items:N:moves_to_warm': /^\d+$/,
  'items:N:moves_within_lru': /^\d+$/,
  'items:N:number_warm': /^\d+$/,
  'items:N:age_warm': /^\d$/,
  crawler_items_checked: /^\d+$/,
  'items:N:crawler_items_checked': /^\d+$/,
  moves_to_cold: /^\d+$/,
  'items:N:moves_to_cold': /^\d+$/,
  'items:N:number_hot': /^\d+$/,
  'items:N:number_cold': /^\d+$/,
  'items:N:age_hot': /^\d$/,
  'items:N:age': /^\d$/,
  'items:N:hits_to_hot': /^\d$/,
  'items:N:hits_to_warm': /^\d$/,
  'items:N:hits_to_cold': /^\d$/,
};

/** Keys of one length, so that every item is of one size class on both. */
const KEYS = Array.from({ length: 30 }, (_, i) => `key${String(i).padStart(2, '0')}`);
const TEXT_LOAD = [
  ...KEYS.map((key) => `set ${key} 0 0 4\r\nabcd\r\n`),
  'flush_all 1000\r\n',
  'get key00 key01 nope0 key02\r\ngets key00\r\nget key00\r\nget key00\r\n',
  'set num00 0 0 4\r\n1000\r\nincr num00 5\r\ndecr num00 7\r\nincr nope1 1\r\ndecr nope1 1\r\nincr key00 1\r\n',
  'cas key05 0 0 4 999999\r\nabcd\r\ncas nope2 0 0 4 1\r\nabcd\r\n',
  'touch key06 0\r\ntouch nope3 0\r\ngat 0 key07 nope4\r\n',
  'delete key08\r\ndelete nope5\r\nadd key09 0 0 4\r\nabcd\r\nreplace nope6 0 0 4\r\nabcd\r\n',
  'append nope6 0 0 4\r\nabcd\r\nset key10 0 0 4\r\nabcdefg\r\nset huge0 0 0 9000000\r\n',
  `${'x'.repeat(9_000_000)}\r\n`,
  'mg key11 v t f\r\nmg nope7 v\r\nms key12 4\r\nwxyz\r\nms key13 4 C1\r\nwxyz\r\nmd key14\r\nmd nope8\r\n',
  'ma num00\r\nma nope9\r\nmg key15 T0 v\r\nme key16\r\nmg key17 k q\r\nverbosity 0\r\n',
  'set gone0 0 -1 4\r\nabcd\r\nget gone0\r\n',
].join('');
const BINARY_LOAD = requests(
  request(Opcode.SET, { key: 'bin00', extras: storage(), value: 'abcd' }),
  request(Opcode.GET, { key: 'bin00' }),
  request(Opcode.GETKQ, { key: 'nope0' }),
  request(Opcode.ADD, { key: 'bin00', extras: storage(), value: 'abcd' }),
  request(Opcode.DELETE, { key: 'nope1' }),
  request(Opcode.GAT, { key: 'bin00', extras: words(0) }),
  request(Opcode.TOUCH, { key: 'nope2', extras: words(0) }),
  request(Opcode.SET, { key: 'bin00', extras: storage(), value: 'abcd', cas: 999n }),
);

type Answers = Record<Block, [name: string, value: string][]>;

/** What ends an answer: the request and its own answer, which count in no statistic that is compared. */
const NOOP = { request: request(Opcode.NOOP), answer: Buffer.from(request(Opcode.NOOP).fill(0x81, 0, 1)) };
const MN = { request: Buffer.from('mn\r\n'), answer: Buffer.from('MN\r\n') };

async function answersTo(
  client: RawClient,
  load: string | Buffer,
  end: { request: Buffer; answer: Buffer },
): Promise<string> {
  await client.send([Buffer.concat([Buffer.from(load), end.request])]);
  return (await client.receiveUntil(end.answer)).toString('latin1');
}

/** All blocks of a server behind the load; numbers of classes and connections are `N`. */
async function tell(kind: ServerKind, flags: readonly string[]): Promise<Answers> {
  const server = await kind.start(flags);
  try {
    const binary = await RawClient.connect(server.port);
    await answersTo(binary, BINARY_LOAD, NOOP);
    const text = await RawClient.connect(server.port);
    await answersTo(text, TEXT_LOAD, MN);
    const answers = {} as Answers;
    for (const block of Object.keys(BLOCKS) as Block[]) {
      const answer = await answersTo(text, `stats${block}\r\n`, MN);
      answers[block] = [...answer.matchAll(/^STAT (\S+) ?(.*)\r$/gm)].map(([, name = '', value = '']) => [
        name.replace(/^(items:)?\d+:/, '$1N:'),
        value,
      ]);
    }
    text.destroy();
    binary.destroy();
    return answers;
  } finally {
    await server.stop();
  }
}

/**
 * What is left of a block when rows that are not the same are left out, and moments are given by their form. memcached's
 * threads take connections in no order.
 */
function comparable(block: Block, rows: readonly [string, string][]): [string, string][] {
  const page = rowsOf('Statistics', BLOCKS[block]);
  const left = rows.filter(([name]) => page.get(name) === 'same');
  const told = left.map(([name, value]): [string, string] => [name, formOf(name, value)]);
  return block === ' conns' ? told.toSorted((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1)) : told;
}

function formOf(name: string, value: string): string {
  const form = FORMS[name];
  return form !== undefined && form.test(value) ? String(form) : value;
}

const reference = referenceMemcached();
if (reference !== undefined && !atLeast(reference.version, REFERENCE_VERSION)) {
  // Error lines of the text protocol are longer since 1.6.40, and a number was printed as text before.
  FORMS['bytes_written'] = /^\d+$/;
  FORMS['num_napi_ids'] = /^(?:0|\(null\))$/;
}

describeWith(['memcached'], 'statistics', () => {
  const cases = ourDaemons().flatMap((daemon) =>
    STATISTICS_FLAGS.map((flags) => ({ daemon, flags, title: flags.join(' ') })),
  );
  const skipped = reference === undefined || !atLeast(reference.version, COMPARABLE_VERSION);
  test.skipIf(skipped).for(cases)('of $daemon.name with $title', async ({ daemon, flags }) => {
    if (reference === undefined) return;
    const [theirs, ours] = await Promise.all([tell(reference, flags), tell(daemon, flags)]);
    for (const block of Object.keys(BLOCKS) as Block[]) {
      expect(theirs[block].length, `stats${block}`).toBeGreaterThan(0);
      expect(comparable(block, ours[block]), `stats${block}`).toEqual(comparable(block, theirs[block]));
    }
  });
});
