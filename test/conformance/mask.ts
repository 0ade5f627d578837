/** Hides in answers what may differ between two servers that behave the same: cas uniques, times, versions, sizes. Pure. */

/**
 * One answer stream, comparable. `barriers`: whether the server under test knows `mn`; where it does not, memcached's
 * MN counts as the ERROR of a server without it.
 */
export function masked(answers: string, options: { barriers: boolean }): string {
  const hidden = answers
    .replaceAll(/^(VALUE \S+ \d+ \d+) \d+\r$/gm, '$1 UNIQUE\r')
    .replaceAll(/^VERSION \S+\r$/gm, 'VERSION\r')
    .replaceAll(/ exp=(-?)\d+ la=\d+ cas=\d+ (fetch=\w+) cls=\d+ size=\d+\r$/gm, ' exp=$1 $2\r')
    // Not only in lines that begin with a status: a key that is given back may hold line ends.
    .replaceAll(/ c\d+(?=[ \r])/g, ' cUNIQUE')
    // A unique that was sent and comes back, as a key.
    .replaceAll(/0{10}\d{10}/g, 'UNIQUE')
    .replaceAll(/ ([tl])\d+(?=[ \r])/g, ' $1TIME');
  return options.barriers ? hidden : hidden.replaceAll(/^MN\r$/gm, 'ERROR\r');
}
