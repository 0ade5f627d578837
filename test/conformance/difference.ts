/** Says where two answers part, short enough to read when they are megabytes long. Pure. */

const CONTEXT = 160;

/** Long runs of one byte say nothing: `xxxx…` becomes `x{1000000}`. */
function shortened(text: string): string {
  return JSON.stringify(text.replaceAll(/(.)\1{99,}/gs, (run: string, byte: string) => `${byte}{${run.length}}`));
}

/** The first difference of two texts with what stands around it; undefined if they are equal. */
export function firstDifference(expected: string, actual: string): string | undefined {
  if (expected === actual) {
    return undefined;
  }
  let at = 0;
  while (at < expected.length && at < actual.length && expected[at] === actual[at]) {
    at += 1;
  }
  const before = shortened(expected.slice(Math.max(0, at - CONTEXT), at));
  return [
    `answers part at byte ${at} of ${expected.length} expected and ${actual.length} received, behind ${before}`,
    `  expected ${shortened(expected.slice(at, at + CONTEXT))}`,
    `  received ${shortened(actual.slice(at, at + CONTEXT))}`,
  ].join('\n');
}

/** How `actual` differs from what is expected, a text or a pattern for all of it; undefined if it does not. */
export function differenceTo(expected: string | RegExp, actual: string): string | undefined {
  if (typeof expected === 'string') {
    return firstDifference(expected, actual);
  }
  return expected.test(actual) ? undefined : `${shortened(actual)} does not match ${String(expected)}`;
}
