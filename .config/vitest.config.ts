import { defineConfig } from 'vitest/config';

// Three groups, fast ones first. Each file has a process of its own: chDB allows one data directory per process.
const group = (name: string, include: string[], groupOrder: number, timeoutMs: number) => ({
  extends: true as const,
  test: {
    name,
    include,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    sequence: { groupOrder },
  },
});

const NEEDS_STORES = ['test/store/**/*.test.ts', 'test/aggregate/**/*.test.ts', 'test/app/**/*.test.ts'];
const SLOW = ['test/flow/**/*.test.ts', 'test/package/**/*.test.ts', 'test/dashboards/**/*.test.ts'];

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['.config/vitest-setup.mjs'],
    reporters: ['default', '.config/closing-line-reporter.mjs'],
    projects: [
      {
        ...group('unit', ['test/**/*.test.ts'], 0, 20_000),
        test: { ...group('unit', ['test/**/*.test.ts'], 0, 20_000).test, exclude: [...NEEDS_STORES, ...SLOW] },
      },
      group('stores', NEEDS_STORES, 1, 60_000),
      group('flow', SLOW, 2, 180_000),
    ],
  },
});
