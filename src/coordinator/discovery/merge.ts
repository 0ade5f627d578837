/**
 * The lists of all sources as one fleet. Pure.
 *
 * A node is its place on the ring, `host:port`, not its name: two nodes with one short name are both in the fleet, the
 * one that has the name already keeps it, and those that come get longer ones. A name that was given stays with its
 * place for as long as that is known, so no node is renamed because a namesake came or went.
 */
import { compareNames } from '../../topology/document.ts';
import { NAME_LENGTH_MAX } from '../../topology/limits.ts';
import { NODES_MAX } from '../limits.ts';
import type { LeftOut, ObservedNode } from './adapter.ts';

/** The nodes of several sources as one list, and what had to be left out. */
export interface MergedNodes {
  /** Sorted by name, each name and each place once. */
  readonly nodes: readonly ObservedNode[];
  readonly leftOut: readonly LeftOut[];
}

/** By what a node is known over time: its place on the ring. */
export function placeOf({ host, port }: Pick<ObservedNode, 'host' | 'port'>): string {
  return `${host}:${port}`;
}

/**
 * Joins lists, the first list winning: at most NODES_MAX nodes, and each of these once:
 * - a place, because two nodes there would have the same points on the ring;
 * - an `ip:port`, because two nodes there are one daemon that two sources know by different names;
 * - a name: the source's, else the host, else the place.
 * @param names the name that each place has now
 */
export function mergeObserved(
  lists: readonly (readonly ObservedNode[])[],
  names: ReadonlyMap<string, string> = new Map(),
): MergedNodes {
  const leftOut: LeftOut[] = [];
  const named = nameAll(uniquePlaces(lists.flat(), leftOut), names, leftOut).sort(compareNames);
  for (const { name } of named.slice(NODES_MAX)) {
    leftOut.push({ name, reason: 'limit', why: `the fleet has ${NODES_MAX} nodes already` });
  }
  return { nodes: named.slice(0, NODES_MAX), leftOut };
}

function uniquePlaces(nodes: readonly ObservedNode[], leftOut: LeftOut[]): ObservedNode[] {
  const byPlace = new Map<string, ObservedNode>();
  const holders = new Map<string, ObservedNode>();
  for (const node of nodes) {
    const place = placeOf(node);
    const { ip, port, hint } = node;
    // What does not run holds no address, even if its source still lists one: another may have it by now.
    const addresses = ip === '' || hint === 'stopped' ? [place] : [place, `${ip}:${port}`];
    const taken = addresses.find((address) => holders.has(address));
    const holder = taken === undefined ? undefined : holders.get(taken);
    if (holder === undefined) {
      byPlace.set(place, node);
      for (const address of addresses) holders.set(address, node);
    } else if (byPlace.get(place)?.hint === 'unlisted' && hint !== 'unlisted') {
      // One source misses it, another shows it.
      byPlace.set(place, node);
    } else if (hint !== 'unlisted') {
      const same = holder.ip === ip && holder.port === port;
      const why = same ? `it is ${holder.name}` : `${taken} is ${holder.name}`;
      leftOut.push({ name: node.name, reason: same || taken !== place ? 'duplicate' : 'place', why });
    }
  }
  return [...byPlace.values()];
}

/** What a node may be called, the shortest first. */
function candidates(node: ObservedNode): string[] {
  return [node.name, node.host, placeOf(node)];
}

function nameAll(
  nodes: readonly ObservedNode[],
  names: ReadonlyMap<string, string>,
  leftOut: LeftOut[],
): ObservedNode[] {
  const given = new Map<string, ObservedNode>();
  let unnamed: ObservedNode[] = [];
  for (const node of nodes) {
    const name = names.get(placeOf(node));
    // A name that its source does not lead to any more was changed there on purpose.
    if (name !== undefined && candidates(node).includes(name) && !given.has(name)) given.set(name, node);
    else unnamed.push(node);
  }
  for (const length of [0, 1, 2]) {
    const wanted = Map.groupBy(unnamed, (node) => candidates(node)[length] ?? '');
    unnamed = [];
    for (const [name, group] of wanted) {
      const [node] = group;
      const usable = name.length <= NAME_LENGTH_MAX && !given.has(name);
      if (node !== undefined && group.length === 1 && usable) given.set(name, node);
      else unnamed.push(...group);
    }
  }
  for (const { name } of unnamed) leftOut.push({ name, reason: 'name', why: 'its names are taken' });
  return [...given].map(([name, node]) => (name === node.name ? node : { ...node, name }));
}
