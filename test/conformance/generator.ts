/**
 * Random command streams for the differential run: valid, invalid and mutated commands, repeatable by seed. What
 * memcached itself answers by chance (times about to pass, evictions, what depends on how its reads fall) is kept out by
 * construction; each rule says why. Pure.
 */
import { KEY_250, KEY_251 } from './cases.ts';
import { metaCommand } from './generator-meta.ts';
import type { Sending } from './dialects.ts';
import { isWellFormed } from './well-formed.ts';
import { fateOf, refersToItems, walk } from './text-walk.ts';
import type { Walked } from './text-walk.ts';

export type Random = () => number;

/** Which commands a stream is made of. */
export interface StreamOptions {
  /** Commands before those that the rules add. */
  commandCount: number;
  meta: boolean;
  /** Only what every memcached answers alike: no mistakes, no odd numbers. */
  wellFormed?: boolean;
}

/** A chance out of `of`. */
export function oneIn(random: Random, of: number): boolean {
  return random() * of < 1;
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  const chosen = choices[Math.floor(random() * choices.length)];
  if (chosen === undefined) {
    throw new Error('nothing to pick from');
  }
  return chosen;
}

export function integer(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

/** Keys that `{unique:N}` marks can ask the cas unique of: see `uniqueMark`. */
export const PLAIN_KEYS: readonly string[] = [
  'a',
  'b',
  'c',
  'd',
  'key:1',
  'key:2',
  'n1',
  'n2',
  'n3',
  '\xff\xfe',
  'k'.repeat(40),
];
const ODD_KEYS: readonly string[] = [KEY_250, KEY_251, '\x01', '0', 'noreply', '-1', 'none', 'YQ=='];

export function key(random: Random): string {
  return oneIn(random, 25) ? pick(random, ODD_KEYS) : pick(random, PLAIN_KEYS);
}

/**
 * Stands for the cas unique of a key as the server last told it: 20 digits, so that both servers get requests of the
 * same length. Beginning with 99 it is no number below 2^64 by itself.
 */
export function uniqueMark(keyIndex: number): string {
  return `17999999999999999${String(keyIndex).padStart(3, '0')}`;
}

const UNIQUE_MARK = /17999999999999999(\d{3})/g;

/** No server gives this unique by itself. */
const NO_UNIQUE = '17000000000000000000';

/** Puts what a server told into a request, or, where it told nothing, what no item has. */
export function withUniques(request: string, uniques: ReadonlyMap<string, string>): string {
  return request.replaceAll(UNIQUE_MARK, (_, digits: string) => {
    const unique = uniques.get(PLAIN_KEYS[Number(digits)] ?? '') ?? NO_UNIQUE;
    return unique.padStart(20, '0');
  });
}

export function unique(random: Random): string {
  const odd = ['0', '1', '18446744073709551615', '18446744073709551616', '-1', 'x'];
  return oneIn(random, 6) ? pick(random, odd) : uniqueMark(integer(random, 0, PLAIN_KEYS.length - 1));
}

/**
 * No time is near: what expires within seconds would expire at different commands in the two servers. Not even after a
 * mutation, which deletes digits but never writes one other than 0.
 */
export function exptime(random: Random): string {
  const odd = [
    '-1',
    '-5000',
    '2592001',
    '2147483647',
    '4294967295',
    '4294967296',
    '4294972296',
    '-2147483648',
    '-2147483649',
    '2147483648',
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775809',
    '00000005000',
    '000000005000',
    '-',
    '-0',
    'x',
    '',
    '0x',
    '+5000',
    '5000\t',
    '\t5000',
  ];
  return oneIn(random, 4) ? pick(random, odd) : pick(random, ['0', '0', '0', '5000', '2592000']);
}

function flags(random: Random): string {
  const odd = [
    '4294967295',
    '4294967296',
    '18446744073709551615',
    '18446744073709551616',
    '-18446744073709551615',
    '-1',
    '-0',
    'x',
    '0x1',
    '007',
    '+5',
    '1\t',
    '\t',
  ];
  return oneIn(random, 10) ? pick(random, odd) : String(integer(random, 0, 3) * integer(random, 0, 40_000));
}

export function delta(random: Random): string {
  const odd = [
    '18446744073709551615',
    '18446744073709551616',
    '-18446744073709551615',
    '9223372036854775808',
    '0000000000000000000003',
    '00000000000000000000003',
    '4294967296',
    '-1',
    '-',
    'x',
    '',
    '0',
    '+3',
    '1\t2',
  ];
  return oneIn(random, 6) ? pick(random, odd) : String(integer(random, 0, 200));
}

const LINE = 'the quick brown fox jumps over the lazy dog, '.repeat(4);

/**
 * Long values are lines of less than 200 bytes: out of step, a server reads them as commands, and a line of more than
 * 2,048 bytes closes the connection or not, depending on how reads fall. They never begin with white space: memcached
 * reads beyond the end of a value of nothing else when it looks for a number.
 */
export function value(random: Random): string {
  if (oneIn(random, 3)) {
    return pick(random, [
      '0',
      '1',
      '9',
      '99',
      '100',
      '18446744073709551615',
      '18446744073709551616',
      '12 ',
      '007',
      '-5',
      '',
    ]);
  }
  if (oneIn(random, 12)) {
    return `${LINE.slice(0, integer(random, 1, 180))}\r\n`.repeat(integer(random, 1, 60));
  }
  if (oneIn(random, 10)) {
    return pick(random, [
      'get a\r\n',
      'x\r\n\r\n',
      'set a 0 0 1\r\n1\r\n',
      '\0\xff\n\r',
      'END\r\n',
      'VALUE a 0 1\r\n1\r\nEND\r\n',
    ]);
  }
  return LINE.slice(0, integer(random, 0, 40));
}

function noreply(random: Random): string {
  return oneIn(random, 5) ? ' noreply' : oneIn(random, 30) ? ' word' : '';
}

/** The announced length: mostly right, never far beyond the data. */
export function announced(random: Random, data: string): string {
  if (!oneIn(random, 14)) {
    return String(data.length);
  }
  const odd = ['-1', 'x', '', '0', '4294967297', '2147483647', '-0', '-', '+1', '00000000001', '000000000001'];
  return oneIn(random, 3) ? pick(random, odd) : String(Math.max(0, data.length + integer(random, -4, 4)));
}

function storage(random: Random): string {
  const command = pick(random, ['set', 'set', 'set', 'add', 'replace', 'append', 'prepend', 'cas', 'cas']);
  const data = value(random);
  const last = command === 'cas' ? ` ${unique(random)}` : '';
  return `${command} ${key(random)} ${flags(random)} ${exptime(random)} ${announced(random, data)}${last}${noreply(random)}\r\n${data}\r\n`;
}

/** What a refused value must not do. */
const COMMANDS_AS_VALUE = [
  'flush_all',
  'flush_all noreply',
  'set a 0 0 1\r\nX',
  'delete a',
  'touch a -1',
  'get a b c d',
  'ms a 1\r\nX',
];

/** A storage command with one thing or several wrong, or with words too many or too few; its value is a command. */
function refused(random: Random): string {
  const command = pick(random, ['set', 'add', 'replace', 'append', 'prepend', 'cas']);
  const data = pick(random, COMMANDS_AS_VALUE);
  const words = [
    oneIn(random, 3) ? KEY_251 : key(random),
    oneIn(random, 3) ? pick(random, ['x', '-1', '18446744073709551616', '1x']) : '0',
    oneIn(random, 3) ? pick(random, ['x', '1x', '9223372036854775808', '-']) : '0',
    oneIn(random, 5) ? announced(random, data) : String(data.length),
    ...(command === 'cas' || oneIn(random, 4) ? [unique(random)] : []),
    ...Array.from({ length: oneIn(random, 3) ? integer(random, 1, 22) : 0 }, () => pick(random, ['a', 'noreply', '0'])),
    ...(oneIn(random, 4) ? ['noreply'] : []),
  ];
  const kept = oneIn(random, 6) ? words.slice(0, integer(random, 0, 3)) : words;
  return `${[command, ...kept].join(' ')}\r\n${data}\r\n`;
}

function retrieval(random: Random): string {
  const command = pick(random, ['get', 'get', 'get', 'get', 'gets', 'gat', 'gats']);
  const keys = Array.from({ length: oneIn(random, 4) ? integer(random, 0, 40) : 1 }, () => key(random));
  const time = command.startsWith('gat') ? ` ${exptime(random)}` : '';
  return `${command}${time}${keys.map((name) => ` ${name}`).join('')}\r\n`;
}

function control(random: Random): string {
  return pick(random, [
    'version\r\n',
    'verbosity 0\r\n',
    'verbosity 0 noreply\r\n',
    'verbosity\r\n',
    'verbosity 4294967296\r\n',
    'verbosity -0 noreply\r\n',
    'verbosity 0 1 2 3\r\n',
    'bget a\r\n',
    'cas\r\n',
    'set\r\n',
    'hello noreply\r\n',
    'flush_all 4294967296\r\n',
    'flush_all -2147483649\r\n',
    'flush_all -2147483648 a b\r\n',
    'flush_all noreply 0\r\n',
    'lru_crawler tocrawl 4294967296\r\n',
    'lru_crawler sleep -1\r\n',
    'slabs reassign 1 4294967297\r\n',
    'slabs automove 4294967296\r\n',
    'cache_memlimit 4294967360\r\n',
    'lru tune 4294967296 0 0.1 2.0\r\n',
    'sx / HTTP/1.0\r\n',
    'flush_all\r\n',
    'flush_all 0 noreply\r\n',
    'flush_all 5000\r\n',
    'flush_all -5000\r\n',
    'flush_all x\r\n',
    'stats nothing\r\n',
    '\r\n',
    ' \n',
    'hello\r\n',
    'GET / \r\n',
    'shutdown\r\n',
    '\0\0\r\n',
  ]);
}

function other(random: Random): string {
  const kind = random();
  if (kind < 0.45) {
    return `${pick(random, ['incr', 'decr'])} ${key(random)} ${delta(random)}${noreply(random)}\r\n`;
  }
  if (kind < 0.65) {
    return `touch ${key(random)} ${exptime(random)}${noreply(random)}\r\n`;
  }
  return `delete ${key(random)}${pick(random, ['', '', ' 0', ' 1', ' x'])}${noreply(random)}\r\n`;
}

function command(random: Random, options: StreamOptions): string {
  if (options.meta && oneIn(random, 2)) {
    return metaCommand(random);
  }
  const kind = random();
  if (kind < 0.07) {
    return refused(random);
  }
  if (kind < 0.38) {
    return storage(random);
  }
  if (kind < 0.63) {
    return retrieval(random);
  }
  return kind < 0.96 ? other(random) : control(random);
}

/** No digit but 0: see `exptime`. */
const MUTANTS = [' ', '  ', '\t', '\0', '\r', '\n', '\r\n', '0', '-', '+', 'x', '\x7f', '\xff', ' noreply', ' a'];

/**
 * One or two bytes deleted, replaced or inserted. Never in flush_all (a delay of a second would fall on different
 * commands), in cache_memlimit (whose range is our own), in commands with long data (see `value`), with numbers that, a
 * digit shorter, announce hundreds of megabytes, or with a cas unique of their own choice (see `setWithUnique`).
 */
function mutated(random: Random, text: string): string {
  if (text.length > 400 || /flush_all|cache_memlimit|touch a -1|4294967297|2147483647|^ms .* E\d/.test(text)) {
    return text;
  }
  let result = text;
  for (let times = integer(random, 1, 2); times > 0; times -= 1) {
    const at = Math.floor(random() * result.length);
    const kept = oneIn(random, 3) ? at : at + 1;
    result = result.slice(0, at) + (oneIn(random, 3) ? '' : pick(random, MUTANTS)) + result.slice(kept);
  }
  // A mutation that swallows a line's end may make a time of a lone digit; those are the ones that would pass.
  return /[ T]-?[1-9]\d?(?= |\r|\n|\t)/.test(result) && !/[ T]-?[1-9]\d?(?= |\r|\n|\t)/.test(text) ? text : result;
}

/** Makes memcached send what it has: the answers so far no longer refer to items. */
const BARRIER = 'mn\r\n';
const LINE_MAX = 2048;
/** What memcached does behind a value whose length it cannot read: so that it closes the connection too. */
const QUIT = 'quit\r\n';

/**
 * Commands as they are sent: without those that are answered by chance or differently on purpose, with barriers where they
 * are needed, on as many connections as are closed.
 */
function sendings(stream: string, commands: readonly Walked[]): Sending[] {
  const closed: Sending[] = [];
  let text = '';
  for (const command of commands) {
    const whole = stream.slice(command.start, command.end);
    const fate = fateOf(command);
    if (fate === 'left out' || (whole.indexOf('\n') >= LINE_MAX && !/^gets? /.test(whole))) {
      continue;
    }
    // A browser's line makes memcached drop what it has not sent.
    text += (fate === 'closes' ? BARRIER : '') + whole + (refersToItems(command.words) ? BARRIER : '');
    if (fate !== 'answered') {
      closed.push({ text: fate === 'unreadable' ? text + QUIT : text, closes: true });
      text = '';
    }
  }
  return [...closed, { text, closes: false }];
}

/** Commands as they were made, before the rules: what a failing stream is shrunk by. */
export function makeCommands(random: Random, options: StreamOptions): string[] {
  const commands: string[] = [];
  while (commands.length < options.commandCount) {
    const made = command(random, options);
    const kept = oneIn(random, 12) ? mutated(random, made) : made;
    if (options.wellFormed !== true || isWellFormed(kept)) commands.push(kept);
  }
  return commands;
}

/** A stream may announce gigabytes by mutation; such a command is left out instead of being filled up. */
const FILL_MAX = 100_000;

/** What is sent for commands: the last connection ends between two of them. */
export function finishStream(commands: readonly string[]): Sending[] {
  const joined = commands.join('');
  const complete = joined.endsWith('\n') ? joined : `${joined}\r\n`;
  const { missing, commands: walked } = walk(complete);
  if (missing > FILL_MAX) {
    return sendings(complete, walked.slice(0, -1));
  }
  const filled = complete + 'z'.repeat(missing);
  return sendings(filled, walk(filled).commands);
}
