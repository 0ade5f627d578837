/**
 * Lets a node in a container run out of memory. Its limit is set to what it cannot give back plus a little, then it is
 * filled with more than that: the limit alone decides, not how much of the page cache happens to be charged to the
 * container, which on a fresh machine is the whole image and on another one nothing.
 */
import { Connection } from '../../src/client/wire/connection.ts';
import { docker, run } from './support.ts';

/** `-m` of nodes that are to be starved, in MiB: room for all that they are filled with, so that nothing is evicted. */
export const STARVED_CACHE_MB = 256;
/** What a starved node may still take. Few program pages fit, so it comes to its end soon. */
const HEADROOM_BYTES = 16 * 1024 * 1024;
/** Far more than the headroom and what a garbage collection in the other processes could give back; fits `-m`. */
const FILL_ITEMS = 2_000;
const ITEM_BYTES = 100_000;
/** Sets on their way at once: the kernel is to find memory short at once, not to put it off by giving up page cache. */
const AT_ONCE = 50;
const PATIENCE_MS = 60_000;

/** Makes the daemon the process of its container that the kernel ends, whichever process asks for the last page. */
const PREFER_THE_DAEMON = `for process in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' <"$process/cmdline") " in
    *'/main.js daemon '*) echo 1000 >"$process/oom_score_adj" && found=yes ;;
  esac
done
[ "\${found-}" = yes ]`;

/** Version 2 of control groups, then version 1. */
const MEMORY_STATE = `cat /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory.events 2>/dev/null ||
{ cat /sys/fs/cgroup/memory/memory.stat /sys/fs/cgroup/memory/memory.oom_control &&
  echo "kmem $(cat /sys/fs/cgroup/memory/memory.kmem.usage_in_bytes)"; }`;

/** What the kernel cannot take back from a container: all but the page cache. There is no swap within the limits. */
const KEPT = {
  v2: ['anon', 'shmem', 'kernel', 'sock'],
  v1: ['total_rss', 'total_shmem', 'kmem'],
};

/** Gives a container this much memory, and no swap. */
export async function limitMemory(container: string, bytes: string): Promise<void> {
  await docker('update', '--memory', bytes, '--memory-swap', bytes, container);
}

/**
 * Resolves when the container has died.
 * @param dead says whether it has, from the engine's events
 * @throws Error with the state of its memory if it lives on
 */
export async function starve(container: string, host: string, dead: () => boolean): Promise<void> {
  await docker('exec', container, 'sh', '-c', PREFER_THE_DAEMON);
  const limit = keptBytes(await memoryState(container)) + HEADROOM_BYTES;
  await limitMemory(container, String(limit));
  await fill(host, dead);
  if (dead()) return;
  const { stdout, stderr } = await run('docker', ['logs', '--tail', '20', container]);
  const state = await memoryState(container).catch(String);
  throw new Error(`${container} lives on with ${limit} bytes:\n${state}\n${stdout}${stderr}`);
}

async function fill(host: string, dead: () => boolean): Promise<void> {
  const data = Buffer.alloc(ITEM_BYTES, 'x');
  const deadlineMs = Date.now() + PATIENCE_MS;
  let next = 0;
  const connection = new Connection({ host, port: 11_211, commandTimeoutMs: PATIENCE_MS });
  const worker = async (): Promise<void> => {
    while (!dead() && Date.now() < deadlineMs) {
      next = (next + 1) % FILL_ITEMS;
      await connection.set(`fill:${next}`, data).catch(() => new Promise((wake) => setTimeout(wake, 20)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await connection.close();
}

function memoryState(container: string): Promise<string> {
  return docker('exec', container, 'sh', '-c', MEMORY_STATE);
}

/** Sums up the lines of `memory.stat` that count. */
function keptBytes(state: string): number {
  const numbers = new Map(
    state.split('\n').map((line) => {
      const [name = '', number = ''] = line.split(' ');
      return [name, Number(number)] as const;
    }),
  );
  const names = numbers.has('anon') ? KEPT.v2 : KEPT.v1;
  const bytes = names.map((name) => numbers.get(name) ?? Number.NaN).reduce((sum, number) => sum + number);
  if (!(bytes > 0)) throw new Error(`no ${names.join(', ')} in:\n${state}`);
  return bytes;
}
