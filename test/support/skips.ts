/**
 * A reporter that ends a run with what it skipped and why: vitest itself only counts. The reason is the one that
 * `describeWith` put into the title.
 */
import type { Reporter, TestModule } from 'vitest/node';

const REASON = /\(skipped: (.*)\)$/;

/** The part of a test, suite or file that tells whether it was skipped for a reason. */
export interface Titled {
  readonly type: string;
  readonly name?: string;
  readonly parent?: Titled | undefined;
}

/** A line for each reason, with how many tests were skipped for it; nothing if none was. */
export function skipLines(skipped: Iterable<Titled>): string[] {
  const counts = new Map<string, number>();
  for (const test of skipped) {
    const reason = reasonOf(test);
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count} skipped: ${reason}`);
}

function reasonOf(item: Titled | undefined): string | undefined {
  if (item === undefined) return undefined;
  return REASON.exec(item.name ?? '')?.[1] ?? reasonOf(item.parent);
}

/** What vitest.config.ts names. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    for (const line of skipLines(skipped)) process.stdout.write(`${line}\n`);
  }
}
