import type { MetricGroup, MetricName, MetricSeries } from '../../../src/api/contract.ts';
import { serverNow, tenantMetric } from '../shared/api-client.ts';
import { type RangeWindow, stepFor, type TimeRange, windowOf } from '../shared/time-range.ts';
import { type Live, useLive } from '../shared/use-live.ts';

export interface MetricSpec {
  readonly metric: MetricName;
  readonly groupBy?: MetricGroup;
}

export interface Metrics<Key extends string> {
  readonly answers: Readonly<Record<Key, MetricSeries>>;
  readonly window: RangeWindow;
  readonly stepSeconds: number;
  /** The server's time at which it was asked; the step around it is still filling. */
  readonly now: number;
}

const INTERVAL_MS = 10_000;

/** Several metrics of one tenant over the same window and steps, asked together so that their charts agree. */
export function useMetrics<Key extends string>(
  tenantId: string,
  range: TimeRange,
  specs: Readonly<Record<Key, MetricSpec>>,
): Live<Metrics<Key>> {
  const ask = async (signal: AbortSignal): Promise<Metrics<Key>> => {
    const now = serverNow();
    const asked = windowOf(range, now);
    const stepSeconds = stepFor(asked);
    const stepMs = stepSeconds * 1000;
    const window = { from: Math.floor(asked.from / stepMs) * stepMs, to: asked.to };
    const entries = await Promise.all(
      (Object.entries(specs) as [Key, MetricSpec][]).map(
        async ([key, spec]) => [key, await tenantMetric(tenantId, { ...spec, window, stepSeconds }, signal)] as const,
      ),
    );
    const answers = Object.fromEntries(entries) as Record<Key, MetricSeries>;
    return { answers, window, stepSeconds: entries[0]?.[1].step_seconds ?? stepSeconds, now };
  };
  const question = JSON.stringify([tenantId, range, specs]);
  return useLive(question, ask, range.kind === 'last' ? INTERVAL_MS : null);
}
