/**
 * One absence is not a removal: a node that a source's answer lacks stays in its list as `unlisted` until it has been
 * missing in several answers in a row. Pure.
 *
 * What the source itself called `leaving` or `stopped` before has ended as announced and is gone at once. So is a node
 * whose address another one has now.
 */
import type { ObservedNode } from './adapter.ts';
import { placeOf } from './merge.ts';

/** What a source is taken to hold. */
export interface Holding {
  /** What its last answer lists, then what is kept though it does not. */
  readonly nodes: readonly ObservedNode[];
  /** Place → how many answers in a row have lacked it. */
  readonly missing: ReadonlyMap<string, number>;
}

export const HOLDS_NOTHING: Holding = { nodes: [], missing: new Map() };

/**
 * What a source holds after an answer that lists `listed`.
 * @param looksMax a node that this many answers in a row lack is gone
 * @param looks 1, or 0 if the list is the one from before and only told again
 */
export function afterAnswer(
  before: Holding,
  listed: readonly ObservedNode[],
  looksMax: number,
  looks: 0 | 1 = 1,
): Holding {
  const places = new Set(listed.map(placeOf));
  const addresses = new Set(listed.map(({ ip, port }) => `${ip}:${port}`));
  const missing = new Map<string, number>();
  const kept = before.nodes.filter((node) => {
    const place = placeOf(node);
    const ended = node.hint === 'leaving' || node.hint === 'stopped';
    if (places.has(place) || ended || addresses.has(`${node.ip}:${node.port}`)) return false;
    const answers = (before.missing.get(place) ?? 0) + looks;
    if (answers >= looksMax) return false;
    missing.set(place, answers);
    return true;
  });
  return { nodes: [...listed, ...kept.map((node): ObservedNode => ({ ...node, hint: 'unlisted' }))], missing };
}
