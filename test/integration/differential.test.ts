/**
 * Goal: no client can tell our daemon from memcached. Method: seeded random command streams, cut anywhere, go to both
 * side by side, and the masked answers must be the same bytes. The harness itself is held to account by running
 * memcached against memcached. MEMFLEET_DIFFERENTIAL sets how many commands our daemon gets altogether, over all
 * protocols and runtimes (1,000,000 in CI, else 120,000); MEMFLEET_SEED where the seeds begin.
 */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { binaryDialect, textDialect } from '../conformance/dialects.ts';
import type { Dialect } from '../conformance/dialects.ts';
import { runStream } from '../conformance/differential.ts';
import type { Difference, Pair } from '../conformance/differential.ts';
import { atLeast, ourDaemons, REFERENCE_VERSION, referenceMemcached } from '../conformance/driver.ts';
import type { Server, ServerKind } from '../conformance/driver.ts';
import { runShowpiece } from '../conformance/showpiece.ts';

const THOROUGH = process.env['CI'] !== undefined || process.env['MEMFLEET_REQUIRE'] === 'all';
const COMMANDS = Number(process.env['MEMFLEET_DIFFERENTIAL'] ?? (THOROUGH ? 1_000_000 : 120_000));
const SEED = Number(process.env['MEMFLEET_SEED'] ?? 1);
const STREAM = { commandCount: 200, partCount: 4 };
/**
 * How many of all commands each protocol gets: there are three, of which two are mixed in one stream. Beside a memcached
 * that is older than what our daemon is held to, text is well-formed and no binary body is huge: mistakes are answered
 * differently there, as the wire tables know one by one.
 */
function dialectsFor({ version }: ServerKind): readonly { dialect: Dialect; share: number }[] {
  const isLevel = atLeast(version, REFERENCE_VERSION);
  return [
    { dialect: textDialect(!isLevel), share: 2 / 3 },
    { dialect: binaryDialect(isLevel), share: 1 / 3 },
  ];
}
/** Of memcached against itself: that run is about the harness. */
const OWN_SHARE = 0.05;
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

function show(difference: Difference, dialect: Dialect): string {
  const commands = difference.commands
    .slice(-COMMANDS_SHOWN)
    .map((command) => `    ${dialect.show(command).slice(0, COMMAND_SHOWN_MAX)}`);
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

async function run(pair: Pair, streams: number): Promise<Totals> {
  const totals: Totals = { chance: 0, differences: [] };
  for (let seed = SEED; seed < SEED + streams && totals.differences.length < DIFFERENCES_SHOWN; seed += 1) {
    const result = await runStream(pair, seed, STREAM);
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
  subject: ServerKind,
  reference: ServerKind,
  options: { commandCount: number; real: boolean },
): void {
  describe(`${reference.name} and ${options.real ? 'itself' : subject.name}`, () => {
    const servers: Server[] = [];
    beforeAll(async () => {
      servers.push(await reference.start(REFERENCE_FLAGS));
      servers.push(await subject.start(options.real ? REFERENCE_FLAGS : ['-m', '1024']));
    });
    afterAll(async () => {
      await Promise.all(servers.map(async (server) => await server.stop()));
    });
    const ports = (): { reference: number; subject: number } => ({
      reference: servers[0]?.port ?? 0,
      subject: servers[1]?.port ?? 0,
    });
    for (const { dialect, share } of dialectsFor(reference)) {
      const streams = Math.ceil((options.commandCount * share) / STREAM.commandCount);
      const title = `${streams * STREAM.commandCount} random ${dialect.what}, seeds ${SEED} to ${SEED + streams - 1}`;
      test(title, { timeout: TIMEOUT_MS }, async () => {
        const { differences } = await run({ ...ports(), dialect }, streams);
        if (differences.length > 0) {
          expect.fail(differences.map((difference) => show(difference, dialect)).join('\n\n'));
        }
      });
    }
    if (!options.real) {
      test('a megabyte of mixed commands in writes of one byte', { timeout: TIMEOUT_MS }, async () => {
        const fresh = await Promise.all([reference.start(REFERENCE_FLAGS), subject.start(['-m', '1024'])]);
        onTestFinished(async () => {
          await Promise.all(fresh.map(async (server) => await server.stop()));
        });
        const [expected, actual] = await runShowpiece({ reference: fresh[0].port, subject: fresh[1].port }, SEED);
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
  compareServers(reference, reference, { commandCount: COMMANDS * OWN_SHARE, real: true });
  const daemons = ourDaemons();
  for (const daemon of daemons) {
    compareServers(daemon, reference, { commandCount: COMMANDS / daemons.length, real: false });
  }
});
