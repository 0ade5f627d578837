/** The commands by name, with the line that help shows and the module that is loaded when one is called. */

/** Runs a command with the words after its name; resolves with the exit code when the process is to end. */
export type Main = (args: readonly string[]) => Promise<number>;

export interface Command {
  /** Arguments and meaning, as `memfleet help` prints them. */
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<{ main: Main }>;
}

/** In the order in which help lists them. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  up: {
    usage: 'up [--nodes N]',
    summary: 'a local fleet until Ctrl-C: daemons, sidecars and coordinator',
    load: () => import('./commands/up.ts'),
  },
  node: {
    usage: "node [memcached's flags]",
    summary: 'one node: a daemon and its sidecar, supervised; what a container runs',
    load: () => import('./commands/node.ts'),
  },
  daemon: {
    usage: "daemon [memcached's flags]",
    summary: 'one cache daemon alone',
    load: () => import('../daemon/main.ts'),
  },
  sidecar: {
    usage: 'sidecar',
    summary: 'HTTP beside one daemon: health, statistics, metrics',
    load: () => import('../sidecar/main.ts'),
  },
  coordinator: {
    usage: 'coordinator',
    summary: 'finds the nodes and publishes the topology',
    load: () => import('../coordinator/main.ts'),
  },
  get: { usage: 'get KEY', summary: 'print a value', load: () => import('./commands/get.ts') },
  set: { usage: 'set KEY VALUE', summary: 'store a value', load: () => import('./commands/set.ts') },
  delete: { usage: 'delete KEY', summary: 'remove a value', load: () => import('./commands/delete.ts') },
  incr: { usage: 'incr KEY [N]', summary: 'add to a number and print it', load: () => import('./commands/incr.ts') },
  inspect: {
    usage: 'inspect KEY',
    summary: 'size, expiry and use of an item',
    load: () => import('./commands/inspect.ts'),
  },
  owner: { usage: 'owner KEY', summary: 'the node that has a key', load: () => import('./commands/owner.ts') },
  nodes: { usage: 'nodes', summary: 'the nodes and their states', load: () => import('./commands/nodes.ts') },
  stats: { usage: 'stats [NODE]', summary: "the nodes' statistics", load: () => import('./commands/stats.ts') },
  squares: {
    usage: 'squares',
    summary: 'an example: slow squares, faster with every run',
    load: () => import('./commands/squares.ts'),
  },
  token: {
    usage: 'token http|config',
    summary: "a token made of the fleet's, for one purpose",
    load: () => import('./commands/token.ts'),
  },
  help: { usage: 'help [COMMAND]', summary: 'print this', load: () => import('./commands/help.ts') },
  version: { usage: 'version', summary: 'print the version', load: () => import('./commands/version.ts') },
};

/** The command most like `word`, if one is like it: at most two letters changed, or `word` is its beginning. */
export function suggest(word: string): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of Object.keys(COMMANDS)) {
    const begins = word.length >= 2 && name.startsWith(word.toLowerCase());
    const distance = begins ? 1 : editDistance(word.toLowerCase(), name);
    if (distance <= Math.min(2, name.length - 2) && distance < (best?.distance ?? 3)) best = { name, distance };
  }
  return best?.name;
}

/** Levenshtein's distance: letters to insert, remove or replace to make one word of the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
