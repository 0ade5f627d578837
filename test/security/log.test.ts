/**
 * Goal: nobody's log holds a process up or fills its memory, whether its reader is slow or gone. Method: each of ours that
 * logs, as a real process whose standard error is left unread while it has far more to say than may wait.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { ourDaemons, type ProcessKind, type ServerProcess } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';

const MEGABYTE = 1024 * 1024;
/** Each is printed with its answer: 80 MB of lines. */
const REQUESTS = 40_000;
const KEY = 'k'.repeat(200);
/** What a process may take more while its log is unread; the lines that may wait are 1 MiB. */
const MORE_BYTES_MAX = 64 * MEGABYTE;

/** Resident memory of a process. */
function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function dropped(client: RawClient): Promise<number> {
  await client.send([Buffer.from('stats\r\n')]);
  const answer = (await client.receiveUntil(Buffer.from('END\r\n'))).toString();
  return Number(/STAT memfleet_log_lines_dropped (\d+)/.exec(answer)?.[1]);
}

/** Has far more said than may wait, and answered meanwhile. */
async function flood(client: RawClient): Promise<void> {
  await client.send([Buffer.from(`touch ${KEY} 0\r\n`.repeat(REQUESTS) + 'mn\r\n')]);
  await client.receiveUntil(Buffer.from('MN\r\n'));
}

function runSuite(kind: ProcessKind): void {
  describe(kind.name, () => {
    let server: ServerProcess | undefined;
    afterEach(() => server?.stop());

    test('lines that nobody reads are dropped and counted, and one says so when the reader is back', async () => {
      server = await kind.start(['-vv']);
      const client = await RawClient.connect(server.port);
      expect(await dropped(client)).toBe(0);
      await flood(client);
      const before = residentBytes(server.pid);
      server.stderr.pause();
      for (let i = 0; i < 4; i++) await flood(client);
      expect(residentBytes(server.pid) - before).toBeLessThan(MORE_BYTES_MAX);
      const count = await dropped(client);
      expect(count).toBeGreaterThan(REQUESTS);
      let text = '';
      server.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      server.stderr.resume();
      await until('it says what is missing', () => /warning: \d+ lines are missing here/.test(text));
      expect(text).not.toContain('undefined');
      await client.send([Buffer.from('get back\r\n')]);
      await until('it goes on', () => text.includes('get back'));
      client.destroy();
    });

    test('a reader that is gone ends nothing', async () => {
      server = await kind.start(['-vv']);
      server.stderr.destroy();
      const client = await RawClient.connect(server.port);
      await flood(client);
      await flood(client);
      client.destroy();
      expect(await server.terminate()).toBe(0);
    });
  });
}

for (const kind of ourDaemons()) runSuite(kind);

/** As sidecar and coordinator log: says more than may wait, then what became of it on standard output. */
const LOGGING = `
  import { createLogger, droppedLogLines } from '${new URL('../../src/base/log.ts', import.meta.url).href}';
  process.stderr.on('error', () => {});
  const logger = createLogger({ component: 'test' });
  let turns = 0;
  const more = () => {
    for (let i = 0; i < 1000; i++) logger.info('x'.repeat(1000));
    if (++turns < 100) setImmediate(more);
    else process.stdout.write(JSON.stringify({ dropped: droppedLogLines(), rss: process.memoryUsage().rss }) + '\\n');
  };
  more();
  process.stdin.on('data', () => logger.info('back')).on('end', () => process.exit(0));
`;

describe("the sidecar's and the coordinator's logger", () => {
  test('drops lines that nobody reads, counts them, and says so when the reader is back', async () => {
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', LOGGING], { cwd });
    child.stderr.pause();
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    try {
      await until('all was said', () => said.endsWith('\n'), 60_000);
      const { dropped: count, rss } = JSON.parse(said) as { dropped: number; rss: number };
      expect(count).toBeGreaterThan(90_000);
      expect(rss).toBeLessThan(200 * MEGABYTE);
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString())).resume();
      await until('it says what is missing', () => text.includes(`"dropped":${count}`));
      child.stdin.write('go on\n');
      await until('it goes on', () => text.includes('"msg":"back"'));
    } finally {
      child.kill('SIGKILL');
    }
  });
});
