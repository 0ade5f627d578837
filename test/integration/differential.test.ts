/**
 * Goal: no client can tell our daemon from memcached. Method: seeded random command streams, cut anywhere, go to both
 * side by side, and the masked answers must be the same bytes. The harness itself is held to account by running
 * memcached against memcached. MEMFLEET_DIFFERENTIAL sets how many commands, MEMFLEET_SEED where the seeds begin.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { runStream } from '../conformance/differential.ts';
import type { Difference } from '../conformance/differential.ts';
import { ourDaemons, referenceMemcached } from '../conformance/driver.ts';
import type { Server, ServerKind } from '../conformance/driver.ts';
import { runShowpiece } from '../conformance/showpiece.ts';

const COMMANDS = Number(process.env['MEMFLEET_DIFFERENTIAL'] ?? 100_000);
const SEED = Number(process.env['MEMFLEET_SEED'] ?? 1);
const STREAM = { commandCount: 200, partCount: 4 };
/** What our daemon has: grows with it. */
const OURS = { meta: true };
/** The reference may disagree with itself on so many streams: more would mean that the generator asks for chance. */
const CHANCE_SHARE_MAX = 0.01;
const DIFFERENCES_SHOWN = 5;
const COMMANDS_SHOWN = 12;
const COMMAND_SHOWN_MAX = 300;
const TIMEOUT_MS = 3_600_000;

/**
 * memcached's background threads hold references to items and so decide by chance whether a number that gets shorter is
 * padded: they are off. The rest is what makes evictions impossible.
 */
const REFERENCE_FLAGS = ['-m', '1024', '-o', 'no_lru_maintainer,no_lru_crawler'];

function show(difference: Difference): string {
  const commands = difference.commands
    .slice(-COMMANDS_SHOWN)
    .map((command) => `    ${JSON.stringify(command).slice(0, COMMAND_SHOWN_MAX)}`);
  return [
    `MEMFLEET_SEED=${difference.seed}: ${difference.where}`,
    `  after the last of ${difference.commands.length} commands`,
    ...commands,
  ].join('\n');
}

interface Totals {
  chance: number;
  differences: Difference[];
}

async function run(pair: { reference: number; subject: number }, meta: boolean, commandCount: number): Promise<Totals> {
  const totals: Totals = { chance: 0, differences: [] };
  const streams = Math.ceil(commandCount / STREAM.commandCount);
  for (let seed = SEED; seed < SEED + streams && totals.differences.length < DIFFERENCES_SHOWN; seed += 1) {
    const result = await runStream({ ...pair, barriers: meta }, seed, { ...STREAM, meta });
    if (result === 'chance') {
      totals.chance += 1;
    } else if (result !== undefined) {
      totals.differences.push(result);
    }
  }
  expect(totals.chance, 'streams that the reference answers by chance').toBeLessThanOrEqual(
    Math.ceil(streams * CHANCE_SHARE_MAX),
  );
  return totals;
}

function compareServers(
  title: string,
  subject: ServerKind,
  reference: ServerKind,
  options: { meta: boolean; real: boolean },
): void {
  describe(title, () => {
    const servers: Server[] = [];
    beforeAll(async () => {
      servers.push(await reference.start(REFERENCE_FLAGS));
      servers.push(await subject.start(options.real ? REFERENCE_FLAGS : ['-m', '1024']));
    });
    afterAll(async () => {
      await Promise.all(servers.map(async (server) => await server.stop()));
    });
    const pair = (): { reference: number; subject: number } => ({
      reference: servers[0]?.port ?? 0,
      subject: servers[1]?.port ?? 0,
    });
    // Against itself a tenth is enough: that run is about the harness.
    const commandCount = options.real ? COMMANDS / 10 : COMMANDS;
    test(`${commandCount} random commands, seeds from ${SEED}`, { timeout: TIMEOUT_MS }, async () => {
      const { differences } = await run(pair(), options.meta, commandCount);
      if (differences.length > 0) {
        expect.fail(differences.map(show).join('\n\n'));
      }
    });
    if (!options.real) {
      test('a megabyte of mixed commands in writes of one byte', { timeout: TIMEOUT_MS }, async () => {
        const [expected, actual] = await runShowpiece(pair(), SEED);
        expect(actual).toBe(expected);
      });
    }
  });
}

describeWith(['memcached'], 'differential', () => {
  const reference = referenceMemcached();
  if (reference === undefined) {
    return;
  }
  compareServers(`${reference.name} and itself`, reference, reference, { meta: true, real: true });
  for (const daemon of ourDaemons()) {
    compareServers(`${reference.name} and ${daemon.name}`, daemon, reference, { ...OURS, real: false });
  }
});
