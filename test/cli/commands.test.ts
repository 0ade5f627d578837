import { expect, test } from 'vitest';
import { COMMANDS, suggest } from '../../src/cli/commands.ts';

test.each([
  ['statz', 'stats'],
  ['sta', 'stats'],
  ['dameon', 'daemon'],
  ['coord', 'coordinator'],
  ['STATS', 'stats'],
  ['delet', 'delete'],
  ['geet', 'get'],
  ['frobnicate', undefined],
  ['x', undefined],
])('%s is advised %s', (word, name) => {
  expect(suggest(word)).toBe(name);
});

test('every command can be loaded and has a main', async () => {
  for (const command of Object.values(COMMANDS)) {
    expect((await command.load()).main).toBeTypeOf('function');
  }
});
