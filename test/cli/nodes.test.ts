/** `memfleet nodes` beside a coordinator that does not see everything. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/commands/nodes.ts';

test('tells what is held and what was left out beside the table; a duplicate is in the fleet and no news', async () => {
  const shown = [
    { name: '10.0.0.1', reason: 'duplicate', why: 'it is cache-1' },
    { name: 'mc-9.test', reason: 'unresolved', why: 'SERVFAIL' },
  ];
  const list = { held: 'dns:x: mc-9.test: SERVFAIL', leftOut: { count: 2, shown }, nodes: [] };
  const server = createServer((_request, response) => response.end(JSON.stringify(list))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const lines: string[] = [];
  const io = {
    out: () => {},
    err: (text: string) => void lines.push(text),
    terminal: false,
    nowMs: () => 0,
    env: {},
    stdin: process.stdin,
  };
  const { port } = server.address() as AddressInfo;
  expect(await main(['--fleet', `http://127.0.0.1:${port}`], io)).toBe(0);
  expect(lines).toEqual([
    'memfleet nodes: dns:x: mc-9.test: SERVFAIL\n',
    'memfleet nodes: left out: mc-9.test: SERVFAIL\n',
  ]);
  server.close();
});
