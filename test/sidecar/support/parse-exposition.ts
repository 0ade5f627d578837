/** Reads the text exposition format, strictly enough to find a mistake in ours. */

export interface ParsedMetric {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Name → metric. Throws at a line that is neither comment nor sample, and at a name that has two TYPE lines. */
export function parseExposition(text: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, ParsedMetric>();
  let current: ParsedMetric | undefined;
  let help = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, word, name = '', rest = ''] = comment;
      if (word === 'HELP') help = rest;
      if (word === 'HELP') continue;
      if (metrics.has(name)) throw new Error(`two TYPE lines for ${name}`);
      current = { type: rest, help, samples: [] };
      metrics.set(name, current);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample === null || current === undefined) throw new Error(`not a sample: ${line}`);
    const labels = [...(sample[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map((m): [string, string] => [
      m[1] ?? '',
      m[2] ?? '',
    ]);
    current.samples.push({ name: sample[1] ?? '', labels: Object.fromEntries(labels), value: Number(sample[3]) });
  }
  return metrics;
}

/** The value of the one sample of `name` that has exactly these labels; undefined if there is none. */
export function valueOf(
  metrics: Map<string, ParsedMetric>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = seriesOf(labels);
  return metrics.get(name)?.samples.find((sample) => seriesOf(sample.labels) === wanted)?.value;
}

function seriesOf(labels: Record<string, string>): string {
  return JSON.stringify(
    Object.keys(labels)
      .sort()
      .map((name) => [name, labels[name]]),
  );
}
