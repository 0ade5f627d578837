import { expect, test } from 'vitest';
import { integer, option } from '../../src/base/config.ts';
import { FleetError, type ErrorCode } from '../../src/base/errors.ts';
import { runCommand, type CommandSpec, type Io } from '../../src/cli/command.ts';
import { main as version } from '../../src/cli/commands/version.ts';

const SPEC = {
  name: 'try',
  words: 'KEY [N]',
  about: 'Tries.',
  options: { size: option(integer(1, 9), { env: 'MEMFLEET_TRY', default: '3', help: 'how much' }) },
};

function world(env: Io['env'] = {}) {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (data) => void (said.out += typeof data === 'string' ? data : Buffer.from(data).toString()),
    err: (text) => void (said.err += text),
    terminal: false,
    env,
    stdin: (async function* () {})(),
  };
  return { said, io };
}

test('options and words reach the command', async () => {
  const { io } = world({ MEMFLEET_TRY: '5' });
  const seen: unknown[] = [];
  const body = async (options: { size: number }, words: readonly string[]): Promise<number> => {
    seen.push(options.size, words);
    return 7;
  };
  expect(await runCommand(SPEC, ['a', '2'], io, body)).toBe(7);
  expect(await runCommand(SPEC, ['--size', '9', 'b'], io, body)).toBe(7);
  expect(seen).toEqual([5, ['a', '2'], 9, ['b']]);
});

test.each([
  [[], 'memfleet try: needs KEY\n'],
  [['a', '1', 'b'], 'memfleet try: unexpected argument "b"\n'],
  [['a', '--size', '10'], 'memfleet try: --size: expected an integer from 1 to 9, got "10"\n'],
])('%j is refused in one line with 64', async (args, line) => {
  const { said, io } = world();
  expect(await runCommand(SPEC, args, io, async () => 0)).toBe(64);
  expect(said).toEqual({ out: '', err: line });
});

test('--help goes to standard output and calls nothing', async () => {
  const { said, io } = world();
  expect(await runCommand(SPEC, ['--help'], io, () => Promise.reject(new Error('called')))).toBe(0);
  expect(said.out).toMatch(
    /^memfleet try \[options\] KEY \[N\]\nTries\.\n\n {2}--size NUMBER .*MEMFLEET_TRY; default 3/,
  );
});

test.each<[ErrorCode, number]>([
  ['BAD_CONFIG', 64],
  ['BAD_KEY', 64],
  ['CONNECT_FAILED', 69],
  ['TIMEOUT', 69],
  ['NO_NODES', 69],
  ['PORT_TAKEN', 71],
  ['SERVER', 76],
])('%s becomes one line and %i', async (code, exit) => {
  const { said, io } = world();
  expect(await runCommand(SPEC, ['a'], io, () => Promise.reject(new FleetError(code, 'why')))).toBe(exit);
  expect(said.err).toBe('memfleet try: why\n');
});

test('a defect is thrown on, so that its stack is seen', async () => {
  const { io } = world();
  await expect(runCommand(SPEC, ['a'], io, () => Promise.reject(new TypeError('defect')))).rejects.toThrow('defect');
});

test('a command that hands flags on gets them instead of words, and its own are its own', async () => {
  const { io } = world();
  const spec: CommandSpec<typeof SPEC.options> = {
    ...SPEC,
    split: (args) => ({ ours: args.slice(0, 2), others: args.slice(2) }),
  };
  const args = ['--size', '4', '-m', '64', '-vv'];
  expect(await runCommand(spec, args, io, async ({ size }, others) => size + others.length)).toBe(7);
});

test('version prints the version of the package', async () => {
  const { said, io } = world();
  expect(await version([], io)).toBe(0);
  expect(said.out).toMatch(/^memfleet \d+\.\d+\.\d+\n$/);
});
