/**
 * Three projects: `unit` is quick and needs nothing but Node; `integration` starts real processes and the real
 * memcached; `docker` needs an engine. `npm test` runs all three, `npm run check` the first.
 */
import { defineConfig } from 'vitest/config';

/**
 * Real processes and containers on a shared machine can be starved for seconds: in CI such a test is tried once more, and
 * the report says that it was. Unit tests never are.
 */
const RETRIES = process.env['CI'] === undefined ? 0 : 1;

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/docker/**'],
          testTimeout: 30_000,
          // Vitest leaves a core free unless told; on two cores that is half of them.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'integration',
          retry: RETRIES,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'docker',
          retry: RETRIES,
          include: ['test/docker/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
});
