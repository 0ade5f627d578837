/** `memfleet nodes`. */
import type { NodeView } from '../../api/coordinator.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { FLEET_OPTION, JSON_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { getJson } from '../coordinator.ts';
import { formatSeconds, formatTable } from '../table.ts';

const SPEC = {
  name: 'nodes',
  about: 'Prints the nodes with their states and what the coordinator saw of them last.',
  options: { fleet: FLEET_OPTION, json: JSON_OPTION },
};

/** What is read of `GET /v1/nodes`. */
interface NodeList {
  /** Why the topology is not just what the sources say now. */
  held: string | null;
  /** What sources list and the fleet does not have; a coordinator of before does not say. */
  leftOut?: { shown: { name: string; reason: string; why: string }[] };
  nodes: NodeView[];
}

/** Resolves with 0 if the coordinator answered. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async ({ fleet, json }) => {
    const list = (await getJson(fleet, '/v1/nodes')) as NodeList;
    if (json) {
      io.out(`${JSON.stringify(list, null, 2)}\n`);
      return 0;
    }
    const columns = ['NAME', 'STATE', 'FOR', 'ADDRESS', 'SIDECAR', 'LAST PROBE'].map((head) => ({ head }));
    io.out(formatTable(columns, list.nodes.map(row)));
    if (list.held !== null) io.err(`memfleet nodes: ${list.held}\n`);
    for (const { name, reason, why } of list.leftOut?.shown ?? []) {
      // A duplicate is in the fleet, under the name that another source has for it.
      if (reason !== 'duplicate') io.err(`memfleet nodes: left out: ${name}: ${why}\n`);
    }
    return 0;
  });
}

function row(node: NodeView): string[] {
  return [
    node.name,
    node.state,
    formatSeconds(node.stateSeconds),
    formatHostPort(node),
    node.sidecar || '-',
    probe(node),
  ];
}

function probe({ probe, failures }: NodeView): string {
  if (probe === null) return '-';
  if (probe.full === true) return 'full: takes no further connection';
  if (probe.ok) return `ok in ${probe.durationMs.toFixed(1)} ms`;
  return `${probe.error ?? 'failed'} (${failures} in a row)`;
}
