/**
 * Four projects, one after the other: `unit` is quick and needs nothing but Node; `integration` starts real processes
 * and the real memcached, and has what `test/security/` tries on them; `docker` needs an engine; `machines` starts
 * engines of its own in network namespaces, and mostly waits. `npm test` runs all, `npm run check` the first. CI runs
 * `machines` beside `integration`.
 */
import { defineConfig } from 'vitest/config';

/**
 * Real processes and containers on a shared machine can be starved for seconds: in CI such a test is tried once more, and
 * the report says that it was. Unit tests never are.
 */
const RETRIES = process.env['CI'] === undefined ? 0 : 1;

export default defineConfig({
  test: {
    reporters: ['default', './test/support/skips.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/security/**', 'test/docker/**'],
          testTimeout: 30_000,
          // Vitest leaves a core free unless told; on two cores that is half of them.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'integration',
          sequence: { groupOrder: 1 },
          retry: RETRIES,
          include: ['test/{integration,security}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'docker',
          sequence: { groupOrder: 2 },
          retry: RETRIES,
          include: ['test/docker/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'machines',
          sequence: { groupOrder: 3 },
          retry: RETRIES,
          include: ['test/docker/machines/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
});
