/**
 * Goal: no client of the binary protocol can tell our daemon from memcached. Method: seeded random packets, cut anywhere,
 * go to both side by side, and the answers must be the same bytes but for the CAS values. MEMFLEET_DIFFERENTIAL sets how
 * many packets, MEMFLEET_SEED where the seeds begin.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runBinaryStream, type BinaryDifference } from '../conformance/differential-binary.ts';
import { atLeast, ourDaemons, REFERENCE_VERSION, referenceMemcached } from '../conformance/driver.ts';
import type { Server } from '../conformance/driver.ts';
import { describeWith } from '../support/requirements.ts';

const COMMANDS = Number(process.env['MEMFLEET_DIFFERENTIAL'] ?? 40_000);
const SEED = Number(process.env['MEMFLEET_SEED'] ?? 1);
const STREAM_COMMANDS = 200;
const DIFFERENCES_SHOWN = 3;
const COMMAND_SHOWN_MAX = 300;
const TIMEOUT_MS = 3_600_000;

/** As in the text protocol's run: nothing in the background, nothing evicted. */
const REFERENCE_FLAGS = ['-m', '1024', '-o', 'no_lru_maintainer,no_lru_crawler'];

function show({ seed, commands, where }: BinaryDifference): string {
  const lines = commands.map((command) =>
    JSON.stringify(command, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).slice(
      0,
      COMMAND_SHOWN_MAX,
    ),
  );
  return [`MEMFLEET_SEED=${seed}: ${where}`, ...lines].join('\n    ');
}

describeWith(['memcached'], 'random binary packets', () => {
  const reference = referenceMemcached();
  if (reference === undefined || !atLeast(reference.version, REFERENCE_VERSION)) {
    describe.skip(`there is no memcached ${REFERENCE_VERSION} to compare with`, () => test('nothing'));
    return;
  }
  for (const kind of ourDaemons()) {
    describe(`${kind.name} and ${reference.name}`, () => {
      const servers: Server[] = [];
      beforeAll(async () => {
        servers.push(await reference.start(REFERENCE_FLAGS), await kind.start(['-m', '1024']));
      });
      afterAll(async () => {
        await Promise.all(servers.map((server) => server.stop()));
      });

      test(
        `answer ${COMMANDS} the same`,
        async () => {
          const ports = [servers[0]?.port ?? 0, servers[1]?.port ?? 0] as const;
          const differences: BinaryDifference[] = [];
          const streams = Math.ceil(COMMANDS / STREAM_COMMANDS);
          for (let seed = SEED; seed < SEED + streams && differences.length < DIFFERENCES_SHOWN; seed += 1) {
            const difference = await runBinaryStream(ports, seed, STREAM_COMMANDS);
            if (difference !== undefined) differences.push(difference);
          }
          expect(differences.map(show).join('\n\n')).toBe('');
        },
        TIMEOUT_MS,
      );
    });
  }
});
