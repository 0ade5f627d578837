/** Random meta commands (mg ms md ma mn me) with every flag of memcached 1.6.45, right and wrong. Pure. */
import { announced, delta, exptime, integer, key, oneIn, pick, PLAIN_KEYS, unique, value } from './generator.ts';
import type { Random } from './generator.ts';

/** A time for N and T. Never near: see `exptime`. */
function time(random: Random): string {
  return pick(random, ['0', '5000', '-1', '2592000', exptime(random)]);
}

function flag(random: Random, letters: string): string {
  const letter = pick(random, letters.split(''));
  switch (letter) {
    case 'O':
      return `O${'o'.repeat(oneIn(random, 10) ? integer(random, 30, 33) : integer(random, 0, 8))}`;
    case 'T':
    case 'N':
      return `${letter}${time(random)}`;
    case 'R':
      // Far from every time that an item may have left, or it would be a matter of seconds who wins.
      return `R${pick(random, ['0', '1000', '100000', '-1', 'x', ''])}`;
    case 'C':
    case 'E':
      return `${letter}${unique(random)}`;
    case 'D':
    case 'J':
      return `${letter}${delta(random)}`;
    case 'F':
      return `F${pick(random, ['0', '5', '4294967295', '4294967296', 'x', '', '-1'])}`;
    case 'M':
      return `M${pick(random, ['S', 'E', 'A', 'P', 'R', 'I', 'D', '+', '-', 's', 'e', 'i', 'X', '', 'SS'])}`;
    default:
      return letter;
  }
}

function metaFlags(random: Random, letters: string): string {
  const count = oneIn(random, 60) ? integer(random, 14, 22) : integer(random, 0, 5);
  const made = Array.from({ length: count }, () => flag(random, oneIn(random, 15) ? 'bkqOIxLPSWXZz!\x80' : letters));
  // Twice the same flag is an error of its own: rare enough that most commands get past it.
  const single = oneIn(random, 20)
    ? made
    : made.filter((one, i) => made.findIndex((other) => other[0] === one[0]) === i);
  return single.map((one) => ` ${one}`).join('');
}

function metaKey(random: Random): [name: string, flags: string] {
  if (!oneIn(random, 6)) {
    return [key(random), ''];
  }
  const binary = pick(random, ['a', 'b', 'n1', 'a b', '\0\r\n', 'k'.repeat(180), 'k'.repeat(187)]);
  const encoded = oneIn(random, 8)
    ? pick(random, ['!', 'YQ', 'YQ=', '=', 'Y Q=='])
    : Buffer.from(binary, 'latin1').toString('base64');
  return [encoded, ' b'];
}

/**
 * `ms` with a cas unique of its own choice. Nothing else in it may be wrong: memcached keeps the number of a refused one
 * for whatever the connection stores next.
 */
function setWithUnique(random: Random): string {
  const data = value(random);
  const mode = pick(random, ['', '', ' MS', ' ME', ' MA', ' MP', ' MR', ' T5000', ' I', ' c', ' k', ' q']);
  const chosen = pick(random, ['E1', 'E12345', 'E18446744073709551615']);
  return `ms ${pick(random, PLAIN_KEYS)} ${data.length}${mode} ${chosen}\r\n${data}\r\n`;
}

/** One meta command with its data. */
export function metaCommand(random: Random): string {
  const [name, binary] = metaKey(random);
  const kind = random();
  if (kind < 0.35) {
    return `mg ${name}${binary}${metaFlags(random, 'vvvfcstkOqhluTNRE')}\r\n`;
  }
  if (kind < 0.38) {
    return setWithUnique(random);
  }
  if (kind < 0.6) {
    const data = value(random);
    return `ms ${name} ${announced(random, data)}${binary}${metaFlags(random, 'FTCIMkOqbcsftM')}\r\n${data}\r\n`;
  }
  if (kind < 0.75) {
    return `md ${name}${binary}${metaFlags(random, 'CEITxkOq')}\r\n`;
  }
  if (kind < 0.92) {
    return `ma ${name}${binary}${metaFlags(random, 'NJDTMCEkOqtcvvM')}\r\n`;
  }
  return pick(random, [
    'mn\r\n',
    'mn a\r\n',
    `me ${name}${binary}\r\n`,
    'mg\r\n',
    'ms\r\n',
    'md\r\n',
    'ma\r\n',
    'me\r\n',
    'mx a\r\n',
    `ms ${name}\r\n`,
  ]);
}
