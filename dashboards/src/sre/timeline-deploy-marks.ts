import { useMemo } from 'preact/hooks';
import { serverNow } from '../shared/api-client.ts';
import type { Mark } from '../shared/chart-options.ts';
import { type TimeRange, windowOf } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { listDeploys } from './noisy-api.ts';

const INTERVAL_MS = 60_000;

/** Deploys of the range as lines in charts. None where they cannot be had: figures are what a chart is for. */
export function useDeployMarks(range: TimeRange): readonly Mark[] {
  const { data } = useLive(
    JSON.stringify(range),
    (signal) => listDeploys(windowOf(range, serverNow()), signal),
    range.kind === 'last' ? INTERVAL_MS : null,
  );
  return useMemo(
    () => (data ?? []).map(({ at }) => ({ from: Date.parse(at), to: Date.parse(at), kind: 'deploy' as const })),
    [data],
  );
}
