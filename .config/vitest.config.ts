import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Four projects, fast ones first. Each file has a process of its own (chDB allows one data directory per process) but for
// `pure`: those share theirs, as loading the API's modules anew for each of a hundred files took longer than the tests.
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

const withMore = <Group extends ReturnType<typeof group>, More extends object>(project: Group, more: More) => ({
  ...project,
  test: { ...project.test, ...more },
});

const PURE = ['test/{api,config,control,cost,dashboards-unit,detect,domain}/**/*.test.ts'];
const NEEDS_STORES = ['test/store/**/*.test.ts', 'test/aggregate/**/*.test.ts', 'test/app/**/*.test.ts'];
const SLOW = ['test/flow/**/*.test.ts', 'test/package/**/*.test.ts', 'test/dashboards/**/*.test.ts'];

/** Of what these do, a third is waiting for other processes: with two, the cores were idle for that time. */
const THREE_TO_TWO_CORES = 3;

/** Files that take longest, mostly by waiting: begun last, one of them would run alone at the end, beside an idle core. */
const LONGEST = [
  'flow/ingest-kills',
  'flow/loop',
  'app/killed',
  'dashboards/real-operating',
  'dashboards/real-business',
  'flow/noisy-to-refusal',
  'flow/random-kills',
  'package/package',
  'access/matrix',
  'app/tenant-archives',
  'app/keys',
  'app/self-check',
  'aggregate/figures',
  'store/clickhouse/late-tenants-kills',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // What a page shows is awaited; on a busy machine a page needs more than the second that is usual.
    expect: { poll: { timeout: 15_000 } },
    sequence: { sequencer: LongestFirst },
    globalSetup: ['.config/vitest-setup.mjs'],
    reporters: ['default', '.config/closing-line-reporter.mjs'],
    projects: [
      withMore(group('pure', PURE, 0, 20_000), { isolate: false }),
      withMore(group('unit', ['test/**/*.test.ts'], 1, 20_000), { exclude: [...PURE, ...NEEDS_STORES, ...SLOW] }),
      withMore(group('stores', NEEDS_STORES, 2, 60_000), { maxWorkers: THREE_TO_TWO_CORES }),
      // Together with the stores: at the end of a group, cores are idle while its last file runs.
      withMore(group('flow', SLOW, 2, 180_000), { maxWorkers: THREE_TO_TWO_CORES }),
    ],
  },
});
