import { describe, expect, test } from 'vitest';
import { skipLines } from './skips.ts';

describe('skipLines', () => {
  test('each reason once, with the number of tests that it cost', () => {
    const file = { type: 'module' };
    const outer = { type: 'suite', name: 'clients (skipped: no ruby on PATH (apt-get install ruby))', parent: file };
    const inner = { type: 'suite', name: 'Dalli', parent: outer };
    const other = { type: 'suite', name: 'containers (skipped: no Docker engine answers)', parent: file };
    expect(
      skipLines([
        { type: 'test', name: 'sets', parent: outer },
        { type: 'test', name: 'gets', parent: inner },
        { type: 'test', name: 'scales', parent: other },
      ]),
    ).toEqual(['2 skipped: no ruby on PATH (apt-get install ruby)', '1 skipped: no Docker engine answers']);
  });

  test('a test that is skipped without a reason, as by -t, is not told', () => {
    expect(skipLines([{ type: 'test', name: 'other', parent: { type: 'module' } }])).toEqual([]);
  });
});
