/** Waiting for a condition instead of for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when `condition` holds; fails after a generous while with what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await sleep(5);
  }
}
