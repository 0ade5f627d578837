/**
 * Squares that are slow to compute, and faster with every run, as more of them are in the cache.
 *
 *     npm start                                   # a fleet, in another terminal
 *     node examples/squares.ts [coordinator's URL | host:port ...]
 *
 * Prints, for example: Ten successive runs: 2.75s 1.98s 1.46s 1.12s 0.91s 0.77s 0.68s 0.61s 0.58s 0.55s
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createFleet } from 'memfleet';

const [first = 'http://127.0.0.1:8080', ...more] = process.argv.slice(2);
await using fleet = createFleet(first.startsWith('http') ? { coordinator: first } : { servers: [first, ...more] });

/** n², from the cache if it is there, else computed, which takes a millisecond, and stored for the next time. */
async function square(n: number): Promise<number> {
  const known = await fleet.get<number>(`sq:${n}`);
  if (known !== undefined) return known;
  await sleep(1);
  await fleet.set(`sq:${n}`, n * n);
  return n * n;
}

// Begin with none of the squares, so that the runs show how the cache fills.
const numbers = Array.from({ length: 5001 }, (_, n) => n);
await Promise.all(numbers.map((n) => fleet.delete(`sq:${n}`)));

process.stdout.write('Ten successive runs:');
for (let run = 0; run < 10; run += 1) {
  const start = performance.now();
  for (let request = 0; request < 2000; request += 1) {
    const n = Math.floor(Math.random() * numbers.length);
    const squared = await square(n);
    if (squared !== n * n) throw new Error(`${n} squared is ${n * n}, but the cache says ${squared}`);
  }
  process.stdout.write(` ${((performance.now() - start) / 1000).toFixed(2)}s`);
}
process.stdout.write('\n');
