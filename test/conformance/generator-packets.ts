/**
 * Random streams of binary packets for the differential run: every opcode with its quiet and key forms, wrong lengths,
 * what nobody knows and what is no packet, repeatable by seed. What memcached itself answers by chance is kept out by
 * construction. Pure.
 */
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { arithmetic, number, request, requests, storage, words } from './binary-packets.ts';
import type { RequestParts } from './binary-packets.ts';
import { walkPacket } from './binary-walk.ts';
import { KEY_250, KEY_251 } from './cases.ts';
import type { Sending } from './dialects.ts';
import { integer, oneIn, pick, PLAIN_KEYS, value } from './generator.ts';
import type { Random } from './generator.ts';

const GETS = [Opcode.GET, Opcode.GETQ, Opcode.GETK, Opcode.GETKQ];
const TOUCHES = [Opcode.TOUCH, Opcode.GAT, Opcode.GATQ, Opcode.GATK, Opcode.GATKQ];
const SETS = [Opcode.SET, Opcode.SET, Opcode.SETQ, Opcode.ADD, Opcode.ADDQ, Opcode.REPLACE, Opcode.REPLACEQ];
const EXTENSIONS = [Opcode.APPEND, Opcode.APPENDQ, Opcode.PREPEND, Opcode.PREPENDQ];
const COUNTS = [Opcode.INCREMENT, Opcode.INCREMENTQ, Opcode.DECREMENT, Opcode.DECREMENTQ];
const UNKNOWN = [Opcode.VERBOSITY, 0x1f, 0x30, 0x3d, 0x45, 0x5f, 0x68, 0x7f, 0x80, 0x81, 0xff];
const ALL = [...Object.values(Opcode).filter((opcode) => opcode < Opcode.CONFIG_GET), ...UNKNOWN];

const ODD_KEYS = [KEY_250, `${KEY_250.slice(1)}x`, ' \r\n\0\xff', '\x80', '\0', ' '];
/** These close the connection: rarer, or the streams would be too short. */
const WRONG_KEYS = [KEY_251, 'k'.repeat(255), 'k'.repeat(256), 'k'.repeat(1000), ''];

function key(random: Random): string {
  if (oneIn(random, 150)) return pick(random, WRONG_KEYS);
  return oneIn(random, 20) ? pick(random, ODD_KEYS) : pick(random, PLAIN_KEYS);
}

/** Unsigned. None is near: what expires within seconds would expire at different packets in the two servers. */
function exptime(random: Random): number {
  const odd = [2_592_001, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
  return oneIn(random, 6) ? pick(random, odd) : pick(random, [0, 0, 0, 5000, 2_592_000]);
}

const NUMBERS = [0n, 1n, 1n, 2n, 9n, 10n, 99n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];

/** Stands for the CAS of a key as the server last told it. No server gives such a CAS by itself. */
const CAS_MARK = 0x1799_9999_9999_9900n;
// oxlint-disable-next-line no-control-regex -- bytes, not text
const CAS_MARKS = /\x17\x99{6}([\0-\x1f])/g;

/** Puts what a server told into a request, as 8 bytes; where it told nothing, what no item has stays. */
export function withCas(text: string, uniques: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    CAS_MARKS,
    (mark, index: string) => uniques.get(PLAIN_KEYS[index.charCodeAt(0)] ?? '') ?? mark,
  );
}

/** Mostly none; else mostly that of the key itself. */
function cas(random: Random, name: string): bigint {
  if (!oneIn(random, 4)) return 0n;
  const index = PLAIN_KEYS.indexOf(name);
  if (index >= 0 && !oneIn(random, 3)) return CAS_MARK + BigInt(index);
  return pick(random, [1n, 2n ** 32n, 2n ** 64n - 1n, CAS_MARK + BigInt(integer(random, 0, PLAIN_KEYS.length - 1))]);
}

const TOO_LARGE = 'x'.repeat(1_048_576);

function data(random: Random): string {
  if (oneIn(random, 3000)) return TOO_LARGE;
  // Out of step, a server reads them as packets.
  return oneIn(random, 20) ? request(pick(random, [Opcode.NOOP, Opcode.VERSION])).toString('latin1') : value(random);
}

function stat(random: Random): RequestParts {
  return {
    key: pick(random, [
      '',
      'settings',
      'settingsx',
      'items',
      'slabs',
      'sizes',
      'reset',
      'nothing',
      'conns',
      'detail x',
    ]),
    // Nothing behind the key is taken: the next packet begins there.
    value: oneIn(random, 4) ? request(Opcode.NOOP) : '',
  };
}

/** A packet as its opcode must have it. */
function parts(random: Random, opcode: number): RequestParts {
  const name = key(random);
  switch (opcode) {
    case Opcode.SET:
    case Opcode.SETQ:
    case Opcode.ADD:
    case Opcode.ADDQ:
    case Opcode.REPLACE:
    case Opcode.REPLACEQ: {
      const flags = oneIn(random, 5) ? pick(random, [1, 0x7fff_ffff, 0xfedc_ba98, 0xffff_ffff]) : 0;
      return { key: name, extras: storage(flags, exptime(random)), value: data(random), cas: cas(random, name) };
    }
    case Opcode.APPEND:
    case Opcode.APPENDQ:
    case Opcode.PREPEND:
    case Opcode.PREPENDQ:
      return { key: name, value: data(random), cas: cas(random, name) };
    case Opcode.INCREMENT:
    case Opcode.INCREMENTQ:
    case Opcode.DECREMENT:
    case Opcode.DECREMENTQ: {
      const until = oneIn(random, 2) ? 0xffff_ffff : exptime(random);
      const extras = arithmetic(pick(random, NUMBERS), pick(random, NUMBERS), until);
      return { key: name, extras, cas: cas(random, name) };
    }
    case Opcode.TOUCH:
    case Opcode.GAT:
    case Opcode.GATQ:
    case Opcode.GATK:
    case Opcode.GATKQ:
      // What is behind the key is not taken here either.
      return { key: name, extras: words(exptime(random)), value: oneIn(random, 30) ? request(Opcode.NOOP) : '' };
    case Opcode.FLUSH:
    case Opcode.FLUSHQ:
      return oneIn(random, 2) ? {} : { extras: words(exptime(random)) };
    case Opcode.STAT:
      return stat(random);
    case Opcode.SASL_AUTH:
    case Opcode.SASL_STEP:
      return { key: pick(random, ['PLAIN', 'x', 'm'.repeat(40)]), value: pick(random, ['', '\0user\0secret']) };
    case Opcode.NOOP:
    case Opcode.VERSION:
    case Opcode.QUIT:
    case Opcode.QUITQ:
    case Opcode.SASL_LIST_MECHS:
      return {};
    default:
      return { key: name, cas: cas(random, name) };
  }
}

/** What the packets may have besides what every memcached answers alike. */
export interface PacketKinds {
  /** Bodies longer than any may be: memcached refuses them since 1.6.45, and loses count before. */
  huge: boolean;
}

/** Bodies that are longer than any may be, some negative as an int, and the longest that may. */
const HUGE = [0x8000_0000, 0xffff_ffff, 0x7fff_ffff, 0x4000_0001, 0x4000_0000];

/** What nobody knows; memcached skips extras and key a second time, so that a client in step sends more. */
function unknown(random: Random, { huge }: PacketKinds): Buffer {
  const opcode = pick(random, UNKNOWN);
  const [name, extras] = [pick(random, ['', 'a', 'key:1']), pick(random, ['', '', '1234', '12345678'])];
  const made: RequestParts = { key: name, extras, value: pick(random, ['', '', 'v', 'value']) };
  if (huge && oneIn(random, 8)) return request(opcode, { ...made, value: '', bodyBytes: pick(random, HUGE) });
  const skipped = oneIn(random, 6) ? 0 : name.length + extras.length;
  return Buffer.concat([request(opcode, made), Buffer.alloc(skipped, 'z')]);
}

function anOpcode(random: Random): number {
  const kind = random();
  if (kind < 0.3) return pick(random, SETS);
  if (kind < 0.4) return pick(random, EXTENSIONS);
  if (kind < 0.58) return pick(random, GETS);
  if (kind < 0.68) return pick(random, TOUCHES);
  if (kind < 0.83) return pick(random, COUNTS);
  if (kind < 0.93) return pick(random, [Opcode.DELETE, Opcode.DELETE, Opcode.DELETEQ]);
  if (kind < 0.98) return pick(random, [Opcode.NOOP, Opcode.VERSION, Opcode.STAT, Opcode.FLUSH, Opcode.FLUSHQ]);
  return pick(random, [Opcode.SASL_LIST_MECHS, Opcode.SASL_AUTH, Opcode.SASL_STEP, Opcode.QUIT, Opcode.QUITQ]);
}

/** A packet that lies about its lengths, or has what its opcode must not have. */
function wrong(random: Random, { huge }: PacketKinds): Buffer {
  const opcode = pick(random, ALL);
  const made = parts(random, opcode);
  const near = (length: number): number => Math.max(0, length + integer(random, -9, 9));
  const [keyBytes, extrasBytes] = [made.key?.length ?? 0, made.extras?.length ?? 0];
  const bodyBytes = keyBytes + extrasBytes + (made.value?.length ?? 0);
  switch (integer(random, 0, 5)) {
    case 0:
      return request(opcode, { ...made, keyBytes: near(keyBytes) });
    case 1:
      return request(opcode, { ...made, extrasBytes: pick(random, [near(extrasBytes), 0, 4, 8, 20, 255]) });
    case 2:
      return request(opcode, { ...made, bodyBytes: huge && oneIn(random, 4) ? pick(random, HUGE) : near(bodyBytes) });
    case 3:
      return request(opcode, { ...made, extras: pick(random, ['', words(0), storage(), number(1n), '1'.repeat(24)]) });
    case 4:
      return request(opcode, { ...made, key: pick(random, WRONG_KEYS) });
    default:
      return request(opcode, { ...made, value: pick(random, ['', 'v', request(Opcode.NOOP)]) });
  }
}

/** What is no request, where one should begin. */
function noPacket(random: Random): Buffer {
  const packet = request(pick(random, ALL), { key: 'a' });
  packet[0] = pick(random, [0x81, 0, 0x7f, 0x82, 0xff, 0x67]);
  return packet;
}

function packet(random: Random, kinds: PacketKinds): Buffer {
  if (oneIn(random, 40)) return unknown(random, kinds);
  if (oneIn(random, 60)) return wrong(random, kinds);
  if (oneIn(random, 300)) return noPacket(random);
  const opcode = anOpcode(random);
  const made = request(opcode, { ...parts(random, opcode), opaque: integer(random, 0, 0xffff_ffff) });
  // Data type and vbucket, which nobody looks at.
  if (oneIn(random, 50)) made.writeUIntBE(integer(random, 0, 0xff_ffff), 5, 3);
  return made;
}

/** Packets as they were made, before the rules, as latin1 text. */
export function makePackets(random: Random, count: number, kinds: PacketKinds): string[] {
  return Array.from({ length: count }, () => packet(random, kinds).toString('latin1'));
}

/** Makes memcached send what it has: items are no longer referred to, and nothing is lost if the connection is closed. */
const BARRIER = request(Opcode.NOOP, { opaque: 0xbbbb_bbbb });
/** A packet that announces more than is there is filled up to so much; beyond that it is left out. */
const FILL_MAX = 100_000;
/** An item that an unsent answer refers to is not changed in place, which shows in numbers that get shorter. */
const REFERRING = new Set<number>([...GETS, ...TOUCHES]);

/** Where each packet as it was made begins, and the end. */
function startsOf(packets: readonly string[]): number[] {
  const starts = [0];
  for (const made of packets) starts.push((starts.at(-1) ?? 0) + made.length);
  return starts;
}

/**
 * What to send for these packets, on as many connections as are closed. The last one ends between packets. Behind a
 * close or a packet that is left out the next one as it was made begins, whatever the last has left.
 */
export function finishPackets(packets: readonly string[]): Sending[] {
  const bytes = Buffer.from(packets.join(''), 'latin1');
  const starts = startsOf(packets);
  const nextStart = (from: number): number => starts.find((start) => start >= from) ?? bytes.length;
  const sendings: Sending[] = [];
  // Its first byte decides which protocol a connection speaks.
  let pieces = [BARRIER];
  for (let at = 0; ;) {
    const walked = walkPacket(bytes, at);
    // The last packet may not be all there: what it lacks was taken by one before it.
    if (walked === undefined) return [...sendings, { text: requests(...pieces).toString('latin1'), closes: false }];
    at = walked.end;
    if (walked.fate === 'left out' || walked.end - bytes.length > FILL_MAX) {
      at = nextStart(walked.start + 1);
      continue;
    }
    const whole = bytes.subarray(walked.start, walked.end);
    pieces.push(...(walked.fate === 'bad magic' ? [BARRIER] : []), whole);
    pieces.push(Buffer.alloc(walked.end - walked.start - whole.length, 'z'));
    if (REFERRING.has(walked.opcode)) pieces.push(BARRIER);
    if (walked.fate !== 'answered') {
      sendings.push({ text: requests(...pieces).toString('latin1'), closes: true });
      pieces = [BARRIER];
      at = nextStart(walked.end);
    }
  }
}
