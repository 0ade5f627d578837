/** `memfleet stats [NODE] [WHAT]`. */
import { FleetError } from '../../base/errors.ts';
import type { Fleet } from '../../client/index.ts';
import { FLEET_OPTION, JSON_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { formatBytes, formatSeconds, formatTable, type Column } from '../table.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'stats',
  words: '[NODE] [WHAT]',
  about: `Prints one line of statistics for each node; with NODE, all of that node's; with WHAT, which is items, slabs,
settings, sizes or conns, those.`,
  options: { fleet: FLEET_OPTION, json: JSON_OPTION },
};

type NodeStats = ReadonlyMap<string, string> | undefined;

/** Resolves with 0 if the nodes that were asked for answered. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, ({ fleet, json }, [name, what]) =>
    withFleet(fleet, async (client) => {
      const stats = await client.stats(what);
      if (name === undefined) {
        io.out(
          json
            ? toJson(Object.fromEntries([...stats].map(([node, values]) => [node, toObject(values)])))
            : table(client, stats),
        );
        return 0;
      }
      const values = ofNode(client, stats, name);
      const columns = [{ head: 'STAT' }, { head: 'VALUE' }];
      io.out(json ? toJson(toObject(values)) : formatTable(columns, [...values]));
      return 0;
    }),
  );
}

const COLUMNS: readonly Column[] = [
  { head: 'NODE' },
  { head: 'STATE' },
  { head: 'ITEMS', numeric: true },
  { head: 'MEMORY', numeric: true },
  { head: 'OF', numeric: true },
  { head: 'GETS', numeric: true },
  { head: 'HITS', numeric: true },
  { head: 'SETS', numeric: true },
  { head: 'EVICTIONS', numeric: true },
  { head: 'CONNS', numeric: true },
  { head: 'UP', numeric: true },
];

function table(fleet: Fleet, stats: ReadonlyMap<string, NodeStats>): string {
  const nodes = fleet.topology?.nodes ?? [];
  return formatTable(
    COLUMNS,
    nodes.map((node) => [node.name, node.state, ...cells(stats.get(node.name))]),
  );
}

function cells(stats: NodeStats): string[] {
  if (stats === undefined) return Array<string>(COLUMNS.length - 2).fill('-');
  const value = (name: string): number => Number(stats.get(name) ?? 0);
  const gets = value('cmd_get');
  return [
    String(value('curr_items')),
    formatBytes(value('bytes')),
    formatBytes(value('limit_maxbytes')),
    String(gets),
    gets === 0 ? '-' : `${((100 * value('get_hits')) / gets).toFixed(1)}%`,
    String(value('cmd_set')),
    String(value('evictions')),
    String(value('curr_connections')),
    formatSeconds(value('uptime')),
  ];
}

function ofNode(fleet: Fleet, stats: ReadonlyMap<string, NodeStats>, name: string): ReadonlyMap<string, string> {
  const nodes = fleet.topology?.nodes ?? [];
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) {
    const names = nodes.map((candidate) => candidate.name).join(', ');
    throw new FleetError('BAD_CONFIG', `no node ${JSON.stringify(name)}; there are ${names}`);
  }
  const values = stats.get(name);
  if (values === undefined) throw new FleetError('CONNECT_FAILED', `${name} is ${node.state} and gave no statistics`);
  return values;
}

/** Numbers as numbers, as far as they are exact. */
function toObject(stats: NodeStats): Record<string, string | number> | null {
  if (stats === undefined) return null;
  return Object.fromEntries(
    [...stats].map(([name, text]) => {
      const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      return [name, Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : text];
    }),
  );
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
