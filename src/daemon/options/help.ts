/** The texts of `-h` and `-i`, in memcached's form. Pure. */
import { SUBOPTIONS } from './extended.ts';
import { FLAGS } from './flags.ts';

/** memcached's column for what a flag does. */
const COLUMN = 26;
const SUBOPTION_COLUMN = 21;

/** The text of `-h`. */
export function helpText(productVersion: string, memcachedVersion: string): string {
  const lines = [`memfleet ${productVersion}, as memcached ${memcachedVersion}`];
  for (const { letter, long, value, help } of FLAGS) {
    const words = `${letter === '' ? '' : `-${letter}, `}--${long}${value === undefined ? '' : `=<${value}>`}`;
    const head = words.length < COLUMN ? words.padEnd(COLUMN) : `${words} `;
    lines.push(`${head}${help.join(`\n${' '.repeat(COLUMN)}`)}`);
    if (letter === 'o') lines.push(...suboptionLines());
  }
  return `${lines.join('\n')}\n`;
}

function suboptionLines(): string[] {
  const explained = SUBOPTIONS.filter((suboption) => suboption.help !== undefined);
  const others = SUBOPTIONS.filter((suboption) => suboption.help === undefined);
  return [
    ...explained.map(({ name, help }) => `   - ${`${name}:`.padEnd(SUBOPTION_COLUMN)}${help}`),
    ...listed('also accepted', others),
    '   - ext_*, proxy_*:     refused: flash storage and the Lua proxy are not supported',
  ];
}

function listed(title: string, suboptions: readonly { name: string }[]): string[] {
  const lines: string[] = [];
  let line = `   - ${`${title}:`.padEnd(SUBOPTION_COLUMN)}`;
  for (const { name } of suboptions) {
    if (line.length + name.length > 100) {
      lines.push(line.trimEnd());
      line = ' '.repeat(5 + SUBOPTION_COLUMN);
    }
    line += `${name} `;
  }
  return [...lines, line.trimEnd()];
}
