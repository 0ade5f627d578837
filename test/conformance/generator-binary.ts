/**
 * Random streams of the binary protocol: every opcode, quiet and not, with right and wrong lengths, and CAS values that
 * are the item's, another's or nobody's. Pure: the same seed gives the same packets.
 *
 * Left out is what memcached answers by chance: a number that gets shorter is padded only if nothing else holds its item,
 * so numbers are not read in the part that counts in them.
 */
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { arithmetic, request, storage, words, type RequestParts } from './binary-packets.ts';

/** Keys whose CAS is asked for before each part. */
export const BINARY_KEYS = ['a', 'b', 'c d\r\n', 'k'.repeat(250)];
const NUMBER_KEYS = ['n', 'm'];
const KEYS_TOO_LONG = ['k'.repeat(251), 'k'.repeat(3000)];
const VALUES = ['', '1', 'abc', '\x80\x01\r\n', 'x'.repeat(3000), 'y'.repeat(40_000)];
const LARGE_VALUES = ['z'.repeat(600_000), 'z'.repeat(1_100_000)];
const EXPTIMES = [0, 100, 2_592_000, 2_592_001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const NUMBERS = [0n, 1n, 9n, 10n, 255n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
const STAT_KEYS = ['reset', 'resetting', 'sizes', 'foo', 'conns', 'detail on', 'detail off', 'detail', 'items '];
const WRONG_CAS = 0xffff_0000_ffff_fff0n;

const { GET, GETQ, GETK, GETKQ, TOUCH, GAT, GATQ, GATK, GATKQ } = Opcode;
const STORAGE = [Opcode.SET, Opcode.SETQ, Opcode.ADD, Opcode.ADDQ, Opcode.REPLACE, Opcode.REPLACEQ];
const EXTENDING = [Opcode.APPEND, Opcode.APPENDQ, Opcode.PREPEND, Opcode.PREPENDQ];
const COUNTING = [Opcode.INCREMENT, Opcode.INCREMENTQ, Opcode.DECREMENT, Opcode.DECREMENTQ];
const UNKNOWN = [Opcode.VERBOSITY, 0x1f, 0x25, 0x30, 0x3d, 0x5f, 0x7f, 0xff];

/** One packet. */
export interface BinaryCommand {
  opcode: number;
  parts: RequestParts;
  /** Its CAS is that which this key had before the part began. */
  casOf?: string;
  /** memcached closes the connection behind its answer. */
  closes?: boolean;
}

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)];
}

function anyCas(random: () => number): { casOf?: string; cas?: bigint } {
  const chance = random();
  if (chance < 0.75) return {};
  return chance < 0.9 ? { casOf: pick(random, BINARY_KEYS) } : { cas: WRONG_CAS };
}

function withCas(random: () => number, opcode: number, parts: RequestParts): BinaryCommand {
  const { casOf, cas } = anyCas(random);
  return { opcode, parts: cas === undefined ? parts : { ...parts, cas }, ...(casOf === undefined ? {} : { casOf }) };
}

function anyKey(random: () => number): string {
  return random() < 0.1 ? `none${Math.floor(random() * 3)}` : pick(random, BINARY_KEYS);
}

function anyValue(random: () => number): string {
  return pick(random, random() < 0.004 ? LARGE_VALUES : VALUES);
}

/** A packet that keeps the connection open. */
function goodCommand(random: () => number): BinaryCommand {
  const chance = random();
  const key = anyKey(random);
  const exptime = words(pick(random, EXPTIMES));
  if (chance < 0.3) return { opcode: pick(random, [GET, GETQ, GETK, GETKQ]), parts: { key } };
  if (chance < 0.4) return { opcode: pick(random, [TOUCH, GAT, GATQ, GATK, GATKQ]), parts: { key, extras: exptime } };
  if (chance < 0.6) {
    const extras = storage(pick(random, [0, 1, 0xffff_ffff]), random() < 0.9 ? 0 : pick(random, EXPTIMES));
    return withCas(random, pick(random, STORAGE), { key, extras, value: anyValue(random) });
  }
  if (chance < 0.7) return withCas(random, pick(random, EXTENDING), { key, value: anyValue(random) });
  if (chance < 0.76) return withCas(random, pick(random, [Opcode.DELETE, Opcode.DELETEQ]), { key });
  if (chance < 0.9) {
    const extras = arithmetic(
      pick(random, NUMBERS),
      pick(random, NUMBERS),
      pick(random, [0, 0xffff_ffff, 0xffff_ffff, 2_592_001]),
    );
    return withCas(random, pick(random, COUNTING), { key: pick(random, NUMBER_KEYS), extras });
  }
  if (chance < 0.93) return { opcode: Opcode.NOOP, parts: { opaque: Math.floor(random() * 0xffff_ffff) } };
  if (chance < 0.95) return { opcode: Opcode.STAT, parts: { key: pick(random, STAT_KEYS) } };
  if (chance < 0.97) return unknownCommand(random);
  if (chance < 0.98) return { opcode: pick(random, [Opcode.FLUSH, Opcode.FLUSHQ]), parts: {} };
  return { opcode: pick(random, [Opcode.SASL_AUTH, Opcode.SASL_STEP]), parts: { key: 'PLAIN', value: '\0u\0p' } };
}

/** memcached skips extras and key a second time, so as many bytes follow. */
function unknownCommand(random: () => number): BinaryCommand {
  const extras = pick(random, ['', 'eeee']);
  const key = pick(random, ['', 'key']);
  const value = pick(random, ['', 'value']);
  const bodyBytes = extras.length + key.length + value.length;
  const skipped = '-'.repeat(extras.length + key.length);
  return { opcode: pick(random, UNKNOWN), parts: { extras, key, value: value + skipped, bodyBytes } };
}

/** A packet behind which memcached closes. */
function badCommand(random: () => number): BinaryCommand {
  const opcode = pick(random, [GET, GETKQ, TOUCH, GATQ, Opcode.SET, Opcode.APPENDQ, Opcode.DELETE, Opcode.INCREMENTQ]);
  const parts = pick<RequestParts>(random, [
    { key: pick(random, KEYS_TOO_LONG) },
    { key: 'a', extras: 'ee' },
    { key: 'abcdef', bodyBytes: 3 },
    { extras: storage(), bodyBytes: 1 },
    { extras: 'x'.repeat(255), key: 'a' },
  ]);
  if (random() < 0.7) return { opcode, parts, closes: true };
  const lonely = [Opcode.NOOP, Opcode.VERSION, Opcode.QUIT, Opcode.QUITQ, Opcode.SASL_LIST_MECHS];
  return {
    opcode: pick(random, lonely),
    parts: pick<RequestParts>(random, [{ key: 'a' }, { value: 'v' }]),
    closes: true,
  };
}

/** A stream; only its last packet may close the connection. */
export function makeBinaryCommands(random: () => number, count: number): BinaryCommand[] {
  const commands = Array.from({ length: count }, () => goodCommand(random));
  const last = random();
  if (last < 0.4) commands.push(badCommand(random));
  else if (last < 0.5) commands.push({ opcode: pick(random, [Opcode.QUIT, Opcode.QUITQ]), parts: {}, closes: true });
  return commands;
}

/** A packet's bytes, with the CAS values that a server gave. */
export function bytesOfCommand(command: BinaryCommand, uniques: ReadonlyMap<string, bigint>): Buffer {
  const { opcode, parts, casOf } = command;
  return request(opcode, casOf === undefined ? parts : { ...parts, cas: uniques.get(casOf) ?? 0n });
}
