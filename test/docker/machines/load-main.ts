/**
 * The constant load as a process of its own, for a test that has to run it in another network. Its argument is the
 * coordinator; it answers each line of its input with what the load has met with so far, as JSON, and ends with it.
 */
import { createInterface } from 'node:readline';
import { createFleet } from '../../../src/client/index.ts';
import { Load } from '../load.ts';

const fleet = createFleet({ coordinator: process.argv[2] ?? '' });
const load = new Load(fleet);
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ ...load.counts, reasons: load.reasons.splice(0) }));
}
load.stop();
await fleet.close();
