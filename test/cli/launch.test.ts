/** Real children: what a supervisor starts ends with it, in whatever way it goes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { launchWith, type Child } from '../../src/cli/launch.ts';
import { Supervisor } from '../../src/cli/supervisor.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}.ts`, import.meta.url));
const launch = launchWith(fixture('child'));

function start(...args: string[]): Child {
  return launch({ name: 'child', args, onExit: 'end' });
}

/** Waits until no process has the pid. */
async function untilGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("a child's code and signal are told", async () => {
  expect(await start('exit', '7').ended).toEqual({ code: 7, signal: null });
  const child = start('run');
  child.kill('SIGKILL');
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a message arrives over the IPC channel, and one that is too late harms nobody', async () => {
  const child = start('run');
  child.send({ type: 'drain' });
  expect(await child.ended).toEqual({ code: 42, signal: null });
  child.send({ type: 'drain' });
});

test('a supervisor ends a child that is stubborn when it is in a hurry', async () => {
  const hurry = new AbortController();
  const supervisor = new Supervisor({ tell: () => {}, launch });
  supervisor.start({ name: 'child', args: ['stubborn'], onExit: 'end' });
  const stopped = supervisor.stop(undefined, hurry.signal);
  hurry.abort();
  expect((await stopped).get('child')?.signal).toMatch(/^SIG(KILL|TERM)$/);
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a supervisor that is ended by %s leaves no child behind',
  async (signal) => {
    const parent = spawn(process.execPath, [fixture('parent')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(/child (\d+) runs/.exec(line.toString())?.[1]);
    process.kill(pid, 0);
    parent.kill(signal);
    await untilGone(pid);
  },
);
