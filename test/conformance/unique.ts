/** The cas unique that a server told in its last answer, for steps that need it. */
export function uniqueOf(received: string): string {
  const found = [...received.matchAll(/VALUE \S+ \d+ \d+ (\d+)\r\n|^(?:HD|VA \d+)(?: [^\r\n ]+)*? c(\d+)/gm)].at(-1);
  const unique = found?.[1] ?? found?.[2];
  if (unique === undefined) {
    throw new Error(`no cas unique in ${JSON.stringify(received)}`);
  }
  return unique;
}
