/**
 * Whether every memcached that the tests may meet answers a text command alike: one without a mistake and without a number
 * beyond its type, of what has been there since 1.6.18. Beside an older memcached the differential run keeps to these. Pure.
 */

const KEY = String.raw`(?!noreply[ \r])[!-\x7f\xfe\xff]{1,250}`;
const NUMBER = String.raw`(?:0|[1-9]\d{0,8})`;
const TIME = '(?:0|-1|5000|2592000)';
const REPLY = '(?: noreply)?';
const UNIQUE = String.raw`(?:1[0-7]\d{18}|\d{1,19})`;

const LINES = [
  String.raw`(?:set|add|replace|append|prepend) ${KEY} ${NUMBER} ${TIME} (?<length>\d{1,6})${REPLY}`,
  String.raw`cas ${KEY} ${NUMBER} ${TIME} (?<casLength>\d{1,6}) ${UNIQUE}${REPLY}`,
  `gets?(?: ${KEY}){1,40}`,
  `gats? ${TIME}(?: ${KEY}){1,40}`,
  `(?:incr|decr) ${KEY} ${NUMBER}${REPLY}`,
  `touch ${KEY} ${TIME}${REPLY}`,
  `delete ${KEY}${REPLY}`,
  String.raw`ms ${KEY} (?<metaLength>\d{1,6})(?: (?:F\d{1,6}|T(?:0|5000)|I|M[SEAPR]|k|Oo{0,8}|q|C${UNIQUE}))*`,
  `mg ${KEY}(?: (?:v|f|s|t|k|q|Oo{0,8}|h|l|u|N5000|T5000))*`,
  `md ${KEY}(?: (?:I|T5000|k|q|Oo{0,8}|C${UNIQUE}))*`,
  `ma ${KEY}(?: (?:N5000|J${NUMBER}|D${NUMBER}|M[ID+-]|T5000|k|Oo{0,8}|t|v|C${UNIQUE}))*`,
  'mn|version|flush_all(?: 0)?(?: noreply)?|verbosity 0(?: noreply)?',
].map((line) => new RegExp(`^(?:${line})\r\n`, 's'));

/** A command with its data. */
export function isWellFormed(command: string): boolean {
  for (const line of LINES) {
    const found = line.exec(command);
    if (found === null) continue;
    const { length, casLength, metaLength } = found.groups ?? {};
    const announced = length ?? casLength ?? metaLength;
    const rest = command.slice(found[0].length);
    if (hasTwice(found[0])) return false;
    if (announced === undefined) return rest === '';
    return rest.length === Number(announced) + 2 && rest.endsWith('\r\n');
  }
  return false;
}

/** Whether a flag stands twice in a meta command, which is a mistake. */
function hasTwice(line: string): boolean {
  const flags = line.startsWith('m') ? line.trimEnd().split(' ').slice(2) : [];
  return new Set(flags.map((flag) => flag[0])).size < flags.length;
}
