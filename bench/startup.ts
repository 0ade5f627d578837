/** `npm run bench -- startup`: the time from starting the process until `version` is answered. */
import { coresOf, type BenchContext, type BenchOutcome } from './harness/context.ts';
import { startServer } from './harness/server.ts';
import { roundOrder, spread } from './harness/statistics.ts';
import { figure, table, withSpread } from './harness/table.ts';

const ROUNDS = 10;
const MEMORY_MEGABYTES = 64;
/** What memfleet has set itself. */
const GOAL_MS = 300;

export async function startup(context: BenchContext): Promise<BenchOutcome> {
  const { subjects, options, say } = context;
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < (options.rounds ?? ROUNDS); round++) {
    for (const subject of roundOrder(subjects, round)) {
      const server = await startServer(subject, coresOf(context).server, options.memory[0] ?? MEMORY_MEGABYTES);
      await server.stop();
      times.get(subject.name)?.push(server.startMs);
      say(`${subject.name}: ${figure(server.startMs)} ms`);
    }
  }
  const rows = subjects.map(({ name, ours }) => {
    const all = spread(times.get(name) ?? []);
    return [name, withSpread(all), ours ? `${all.median <= GOAL_MS ? 'met' : 'missed'} (≤ ${GOAL_MS} ms)` : ''];
  });
  return {
    data: { startMs: Object.fromEntries(times) },
    text: table(['server', 'ms from exec to the first answer', 'goal'], rows),
  };
}
