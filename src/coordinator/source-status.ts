/** What is said of a source: whether it can be seen, and whether it shows all that it holds. Pure. */
import type { FleetError } from '../base/errors.ts';
import type { DiscoveryAdapter, LeftOut, ObservedNode } from './discovery/adapter.ts';

/** A source and what it has told. */
export interface Source {
  readonly adapter: DiscoveryAdapter;
  nodes: readonly ObservedNode[] | undefined;
  leftOut: readonly LeftOut[];
  error: FleetError | undefined;
}

/** How a source is doing. */
export interface SourceStatus {
  readonly name: string;
  /** False while the source cannot be seen, or not all of it; what it said last still counts. */
  readonly up: boolean;
  /** Why it is not up. */
  readonly error: string | undefined;
  /** Has been seen at least once by this process. */
  readonly seen: boolean;
  /** Nodes that its last answer lacks and that are kept. */
  readonly missing: number;
}

/** Names that a line has room for. */
const NAMES_SHOWN_MAX = 5;

export function sourceStatus(source: Source): SourceStatus {
  const { adapter, nodes, error } = source;
  const why = error?.message ?? gapOf(source);
  const up = nodes !== undefined && why === undefined;
  return { name: adapter.name, up, error: why, seen: nodes !== undefined, missing: missingIn(source).length };
}

/** Which of these sources show only a part, and what is done about it; undefined if none does. */
export function viewGap(sources: readonly Source[]): string | undefined {
  const gaps = sources.flatMap((source) => {
    const gap = gapOf(source);
    return gap === undefined ? [] : [`${source.adapter.name}: ${gap}`];
  });
  return gaps.length === 0 ? undefined : gaps.join('; ');
}

function missingIn({ nodes = [] }: Source): string[] {
  return nodes.filter(({ hint }) => hint === 'unlisted').map(({ name }) => name);
}

function gapOf(source: Source): string | undefined {
  const missing = missingIn(source);
  const unseen = source.leftOut.filter(({ reason }) => reason === 'unresolved' || reason === 'cut');
  const parts = unseen.slice(0, NAMES_SHOWN_MAX).map(({ name, why }) => `${name}: ${why}`);
  if (unseen.length > NAMES_SHOWN_MAX) parts.push(`${unseen.length - NAMES_SHOWN_MAX} more`);
  if (missing.length > 0) {
    const names = missing.slice(0, NAMES_SHOWN_MAX).join(', ') + (missing.length > NAMES_SHOWN_MAX ? ', …' : '');
    parts.push(
      `${missing.length} of ${source.nodes?.length} nodes are kept though the last answer lacks them (${names})`,
    );
  }
  return parts.length === 0 ? undefined : parts.join('; ');
}
